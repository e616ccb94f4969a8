"""What ``novalike-manage`` can do: one file per group of commands.

Each has ``add_commands(groups)``, which adds its group to the parser; a command is a function of the
configuration and the parsed arguments that gives the exit status.
"""
