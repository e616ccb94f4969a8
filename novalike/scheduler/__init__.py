"""The scheduler: chooses hosts for servers, and claims them in Placement.

A pure library over an immutable snapshot of the hosts; only ``server``, ``claims`` and ``keeper`` do I/O.
A request goes through ``resources`` (what to ask Placement) → ``pipeline`` (restrictions, ``filters``,
``weighers``) → ``spread`` (a host for each server) → ``claims`` (one write to Placement). Imports ``clients``,
``bus``, ``conf``, ``objects``.
"""
