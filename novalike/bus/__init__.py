"""The only road between daemons: calls and casts over RabbitMQ.

This is the only package that imports oslo.messaging, kombu and py-amqp. Each interface is declared once, as a class, in
``conductor.py``, ``compute.py``, ``scheduler.py`` …; client and server are both made from the declaration.
:func:`novalike.bus.connect.connect` gives a transport for them.
"""
