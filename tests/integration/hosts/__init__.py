"""Servers on several hosts: a stack with ``HOSTS=2`` or more."""
