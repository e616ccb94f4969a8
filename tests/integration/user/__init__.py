"""The system as its users see it: a stack of devstack/stack.sh, driven by the CLI, HTTP, ssh and a browser.

The stack is described by the JSON file that NOVALIKE_STACK names. Tests marked ``libvirt`` or ``fake`` want a stack
of that kind, the others run on any.
"""
