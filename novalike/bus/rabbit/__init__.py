"""The bus over RabbitMQ: questions, answers and hints, by kombu and py-amqp, with oslo.messaging's options.

``transport`` is what the rest of novalike sees. ``client`` asks and ``server`` answers, each over one ``connection`` to
one of the ``brokers``; what they send each other is in ``questions``.
"""
