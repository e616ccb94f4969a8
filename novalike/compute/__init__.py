"""The compute daemon: runs operations on the guests of its hosts.

``workflows`` has one file per workflow, with its steps at the top; ``workflow`` runs them and keeps the journal;
``worker`` takes operations up; ``recovery`` puts in order what an earlier process left behind.
Imports ``virt`` (through its contract only), ``clients``, ``bus``, ``conf``, ``objects``.
"""
