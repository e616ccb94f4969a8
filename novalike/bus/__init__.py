"""The only road between daemons: calls and casts over RabbitMQ.

This is the only package that imports oslo.messaging, kombu and py-amqp. Each interface is declared once, as a class, in
``servers.py``, ``compute.py``, ``scheduler.py`` …; client and server are both made from the declaration.
:func:`novalike.bus.connect.connect` gives a transport for them.

What the conductor offers is on separate topics, so that a storm of lists does not starve a build: ``…Reads`` are
answered from SQL alone, and safe to repeat; ``…Commands`` are what API requests change; ``journal`` is what compute
hosts report and ask. A resource family has one file here, one in the API and one in ``novalike/conductor/``.
"""
