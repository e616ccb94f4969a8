"""The REST API: OpenStack Compute API v2.1 with microversions.

``app`` puts it together, ``routes`` is the table of all endpoints. The same thing has the same stem in
``resources`` (what an endpoint does), ``schemas`` (what it accepts), ``policies`` (who may) and ``views``
(what it answers, by microversion). Data comes and goes over the bus only.
"""
