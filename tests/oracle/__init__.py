"""Comparison with the real Nova: the same requests to both, answers side by side."""
