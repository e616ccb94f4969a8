"""Weighers: which of the hosts that could be taken is the best."""
