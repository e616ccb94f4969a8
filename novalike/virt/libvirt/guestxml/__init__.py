"""Guest XML: pure functions from a :class:`~novalike.virt.libvirt.guestspec.GuestSpec` to elements.

One file per family of elements; :func:`.domain.render` puts them together. What they write is held by the
golden files in ``tests/unit/virt/golden``.
"""
