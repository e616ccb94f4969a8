"""The only road between daemons: RPC over RabbitMQ, through oslo.messaging.

This is the only package that imports oslo.messaging. Each interface is declared once, as a class, in
``conductor.py``, ``compute.py`` or ``scheduler.py``; client and server are both made from the declaration.
"""
