"""The conductor: the only daemon with database credentials.

It answers reads and commands (one file per resource family), records operations, places builds through the
scheduler, keeps the journal of what compute hosts do, and looks after operations that nobody works on.
Imports ``db``, ``clients``, ``bus``, ``conf``, ``objects``.
"""
