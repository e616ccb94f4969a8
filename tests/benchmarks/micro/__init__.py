"""Micro-benchmarks of hot paths, in CPU time of one process: ``python -m tests.benchmarks.micro``.

Each benchmark asserts that what it times is right; none fails on time. The goals are in ``goals``.
"""
