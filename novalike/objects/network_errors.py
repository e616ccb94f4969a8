"""What can be wrong with the networks of a server: leaves of the tree in ``objects/errors.py``."""

from novalike.objects import errors


class NetworkAmbiguous(errors.Conflict):
    """Nothing was asked for, and there is more than one network to choose from."""

    template = "Multiple possible networks found, use a Network ID to be more specific."


class NetworkRequiresSubnet(errors.Invalid):
    template = "Network {network_id} requires a subnet in order to boot instances on."


class ExternalNetworkForbidden(errors.Forbidden):
    template = "It is not allowed to create an interface on external network {network_id}"


class FixedIpInUse(errors.Invalid):
    """``holder`` is the device (mostly a server) that has the address."""

    template = "Fixed IP address {address} is already in use on instance {holder}."


class FixedIpInvalid(errors.Invalid):
    template = "Fixed IP {address} is not a valid ip address for network {network_id}."


class NoMoreFixedIps(errors.Conflict):
    template = "No fixed IP addresses available for network: {network_id}"


class PortNotUsable(errors.Invalid):
    template = "Port {port_id} not usable for instance {instance_id}."


class PortRequiresFixedIp(errors.Invalid):
    template = "Port {port_id} requires a FixedIP in order to be used."


class PortBindingFailed(errors.RescheduleBuild):
    """No agent or driver on the host can do it: another host might."""

    template = "Binding failed for port {port_id}, please check neutron logs for more information."


class PortLimitExceeded(errors.Forbidden):
    template = "Maximum number of ports exceeded"


class SecurityGroupNotFound(errors.Invalid):
    template = "Security group {security_group} not found."


class SecurityGroupAmbiguous(errors.Conflict):
    template = "Multiple security groups found matching '{security_group}'. Use an ID to be more specific."


class SecurityGroupsNotApplicable(errors.Invalid):
    template = "Network requires port_security_enabled and subnet associated in order to apply security groups."


class AutoAllocationFailed(errors.Invalid):
    template = "Unable to automatically allocate a network for project {project_id}"


class PluggingFailed(errors.BuildAborted):
    """Neutron did not say that these ports work: no other host would mend that."""

    template = "Build of instance {instance_id} aborted: Failed to allocate the network(s), not rescheduling."


class NeutronRefused(errors.NovalikeError):
    """Neutron said no, in a way that has no class of its own here.

    :param kind: Neutron's name for the error, for example ``PolicyNotAuthorized``.
    """

    template = "Neutron refused ({status} {kind}): {reason}"
