"""Images on a compute host: downloaded once, verified before anything else looks at them, kept as base files.

Imports no hypervisor. Everything in an image is hostile until :mod:`.inspection` has passed it.
"""
