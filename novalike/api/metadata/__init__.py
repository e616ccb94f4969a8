"""The metadata service: what guests read at 169.254.169.254. A WSGI application and daemon of its own.

``caller`` finds out who asks, ``specs`` what we know of it, ``novalike.guest_metadata`` what the answer
is, ``app`` puts them together.
"""
