"""Filters: why a host can't be taken for a request. One subject per file, all listed in ``registry``."""
