"""Servers: reads, commands, and the orchestration of builds."""
