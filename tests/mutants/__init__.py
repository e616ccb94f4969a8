"""Mutation testing: do the tests notice when the code is wrong? See README.md."""
