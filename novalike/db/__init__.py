"""SQL. Imported by the conductor and by novalike-manage, and by nothing else.

``engine`` connects; ``api`` is the database that all cells share, ``cell`` that of one cell. In each,
``tables`` has the schema, ``migrations`` how it came about, and the other files the queries of a subject:
plain functions on a connection, narrow columns in, records of ``novalike.objects`` out.
"""
