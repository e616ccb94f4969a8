"""Neutron's OVN metadata agent, without its privileged helper processes.

oslo.privsep forks a helper (some 130 MB each) for every set of capabilities that an agent asks for. On this
machine the agent is root to begin with, so what it would ask a helper for it can do itself.
"""

from neutron import privileged
from neutron.cmd.agents import ovn_metadata
from oslo_privsep import priv_context


def run_privileged_calls_here():
    for context in vars(privileged).values():
        if isinstance(context, priv_context.PrivContext):
            context.set_client_mode(False)


if __name__ == '__main__':
    run_privileged_calls_here()
    ovn_metadata.main()
