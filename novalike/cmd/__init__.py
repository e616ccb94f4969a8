"""The entry points: one file per daemon and tool, and what runs them.

``daemon`` runs a daemon: in one ``process``, or in several under a ``master``. ``wsgi`` is for daemons that speak
HTTP, ``notify`` talks to systemd, ``health`` answers ``novalike-status health``. ``management`` has the commands
of ``novalike-manage``. An entry point may import one daemon's package; nothing imports an entry point.
"""
