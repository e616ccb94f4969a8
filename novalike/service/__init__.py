"""What runs daemons, whatever they do.

``daemon`` runs one: in one ``process``, or in several under a ``master``. ``wsgi`` is for daemons that speak HTTP (the
API's by ``waitress_server`` on native threads), ``listening`` opens their sockets, ``systemd`` tells systemd how they
fare, ``health`` answers ``novalike-status health``. Imports ``bus``, ``conf``, ``objects``.
"""
