"""The compute daemon: runs operations on the guests of its hosts.

``operations`` has one file per family of actions, with the workflows of their legs; ``workflow`` runs them and keeps
the journal; ``worker`` takes operations up; ``recovery`` puts in order what an earlier process left behind.
Imports ``virt`` (through its contract only), ``clients``, ``bus``, ``conf``, ``objects``.
"""
