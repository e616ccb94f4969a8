"""Process death, lost messages and failing neighbours at every point of every workflow: see README.md."""
