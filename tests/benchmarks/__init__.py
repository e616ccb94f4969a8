"""Benchmarks: the race against OpenStack Nova (``python -m tests.benchmarks``), growth, and hot paths alone."""
