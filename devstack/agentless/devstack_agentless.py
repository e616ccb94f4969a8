"""Neutron for hypervisors that only exist in memory.

A fake host runs no agent, so nothing would ever bind or raise its ports. This driver binds a port on
whatever host it is given, to the first segment offered, and says that it is ACTIVE at once; Neutron then
tells the compute service ``network-vif-plugged``, as it does when a real agent has wired a port.
"""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class AgentlessDriver(api.MechanismDriver):
    connectivity = portbindings.CONNECTIVITY_L2

    def initialize(self):
        """Nothing to prepare: there is no agent and no device."""

    def bind_port(self, context):
        segment = next(iter(context.segments_to_bind), None)
        if segment is None:
            return
        details = {
            portbindings.CAP_PORT_FILTER: True,
            portbindings.OVS_HYBRID_PLUG: False,
            portbindings.VIF_DETAILS_CONNECTIVITY: self.connectivity,
        }
        context.set_binding(segment[api.ID], portbindings.VIF_TYPE_OVS, details, status=constants.PORT_STATUS_ACTIVE)
