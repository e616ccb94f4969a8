"""What crosses the bus: frozen, typed records, the errors, and the state table.

Imports nothing of novalike and does no I/O. Records are :class:`msgspec.Struct`; a record grows only by
adding fields with defaults, so that a daemon of the previous release can read it.
"""
