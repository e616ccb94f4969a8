"""What every hypervisor's driver must do.

Inherit from :class:`DriverConformance` in a ``Test…`` class and give it the fixtures. Out-of-tree drivers can do
the same.
"""

from tests.conformance.virt.abilities import AbilityConformance
from tests.conformance.virt.guests import GuestConformance
from tests.conformance.virt.moves import MoveConformance
from tests.conformance.virt.nodes import NodeConformance
from tests.conformance.virt.removal import RemovalConformance


class DriverConformance(
    NodeConformance, GuestConformance, RemovalConformance, AbilityConformance, MoveConformance
):
    """All tests. What is to be given: see :class:`~tests.conformance.virt.fixtures.DriverFixtures`."""
