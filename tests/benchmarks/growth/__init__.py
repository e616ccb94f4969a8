"""How novalike's costs grow with servers and hosts: ``python -m tests.benchmarks.growth --help``."""
