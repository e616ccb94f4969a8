"""What a guest may read about itself: the EC2 and the OpenStack metadata, in all their versions.

Pure: from a :class:`~novalike.guest_metadata.guest.Guest` to documents. The metadata service answers
single paths (``lookup``), the config drive holds them all as files (``drive``).
"""
