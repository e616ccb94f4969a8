"""What every hypervisor's driver must do.

Inherit from :class:`DriverConformance` in a ``Test…`` class and give it the fixtures. Out-of-tree drivers can do
the same.
"""

from tests.conformance.virt.abilities import AbilityConformance
from tests.conformance.virt.guests import GuestConformance
from tests.conformance.virt.nodes import NodeConformance
from tests.conformance.virt.removal import RemovalConformance


class DriverConformance(NodeConformance, GuestConformance, RemovalConformance, AbilityConformance):
    """All tests. Fixtures to give: ``driver`` (started), ``restarted`` and ``make_spec``; ``make_vif`` if need be."""
