"""The entry points: one file per daemon and tool. ``management`` has the commands of ``novalike-manage``.

An entry point may import one daemon's package, and ``novalike.service``, which runs it; nothing imports an entry point.
"""
