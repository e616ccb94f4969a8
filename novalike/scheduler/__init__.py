"""The scheduler: chooses hosts for servers, and claims them in Placement.

A pure library over an immutable snapshot of the hosts; only ``server``, ``claims`` and ``snapshot_cache`` do I/O.
A request goes through ``resources`` (what to ask Placement) → ``pipeline`` (``request_filters``, ``filters``,
``weighers``) → ``host_assignment`` (a host for each server) → ``claims`` (one write to Placement). Imports ``clients``,
``bus``, ``conf``, ``objects``.
"""
