"""Hypervisors, behind one contract (``driver.py``). Only ``novalike.compute`` may import this package."""
