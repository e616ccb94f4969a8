"""A hypervisor in memory: any number of hosts in one process, with latency and failures to order."""
