"""A server's interfaces on its host: Neutron's ports made, bound, waited for, let go.

Everything looks at Neutron first, so each method may be called again after it was cut off anywhere.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from oslo_config import cfg
from oslo_utils import uuidutils

from novalike.clients import neutron_vifs
from novalike.clients.network_cache import NetworkCache
from novalike.clients.neutron import NeutronClient
from novalike.clients.port_batching import PortBatcher
from novalike.clients.port_release import release_ports
from novalike.compute.external_events import Expectation, ExternalEvents
from novalike.compute.port_plan import Place, plan_ports
from novalike.objects import errors, network_errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import VmState
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.server import Server, ServerSpec

LOG = logging.getLogger(__name__)

Json = dict[str, Any]

PLUGGED = "network-vif-plugged"
_TRIES = 3
_UNUSABLE_BINDINGS = ("binding_failed", "unbound")


class Networking:
    """Ports of the servers of this process's hosts.

    :param events: where Neutron's news arrive; the daemon hands them in by ``events.notify``.
    """

    def __init__(self, conf: cfg.ConfigOpts, neutron: NeutronClient, events: ExternalEvents | None = None) -> None:
        self._conf = conf
        self._neutron = neutron
        self._facts = NetworkCache(neutron)
        self._port_batcher = PortBatcher(neutron)
        self.events = events or ExternalEvents()

    # -- making

    def allocate(
        self, ctx: RequestContext, spec: ServerSpec, host: str, *, epoch: int = 0, untouched: bool = False
    ) -> tuple[Vif, ...]:
        """The server's interfaces, bound to ``host``; what is missing is made.

        When it raises, :meth:`deallocate` undoes what was done so far.

        :param epoch: of the operation. It is noted on the ports: a worker that was given up, and does not know it
            yet, does not take back what its successor has.
        :param untouched: no ports can have been made for the server yet, so Neutron need not be asked.
        :raises Fenced: a successor has taken a port over.
        :raises NetworkNotFound, NetworkAmbiguous, PortNotFound, PortInUse, PortNotUsable: what was asked for can't be.
        :raises FixedIpInUse, FixedIpInvalid, NoMoreFixedIps, PortLimitExceeded: no address, or too many ports.
        :raises SecurityGroupNotFound, SecurityGroupAmbiguous, SecurityGroupsNotApplicable: as they say.
        :raises PortBindingFailed: not on this host (a ``RescheduleBuild``).
        :raises NeutronRefused: anything else that Neutron says no to.
        :raises Unavailable: Neutron doesn't answer.
        """
        if spec.networks is None:
            return ()
        given, grip = _given(spec), _Grip(host, epoch)
        for attempt in range(1, _TRIES + 1):
            try:
                again = attempt > 1
                ports, new = self._allocate_once(ctx, spec, grip, look=again or not untouched, again=again)
                return neutron_vifs.read_vifs(
                    self._neutron,
                    ports,
                    ovs_bridge=self._conf.neutron.ovs_bridge,
                    known=spec.server.vifs,
                    given=given,
                    facts=self._facts,
                    fresh=False,
                    new=new,
                )
            except errors.Unavailable:
                # The answer was lost, not necessarily the request: look again what is there.
                if attempt == _TRIES:
                    raise
        raise AssertionError("unreachable")

    def _allocate_once(
        self, ctx: RequestContext, spec: ServerSpec, grip: "_Grip", *, look: bool, again: bool
    ) -> tuple[list[Json], frozenset[str]]:
        """The server's ports, and the ids of those that didn't exist before.

        :param again: it failed before, perhaps because of others' ports that were asked for with ours.
        """
        server = spec.server
        present = self._neutron.ports(device_id=server.uuid) if look else []
        requests = self._requests(ctx, spec, present)
        plan = plan_ports(requests, present)
        for port in plan.excess:
            LOG.info("Deleting port %s of instance %s: nobody needs it", port["id"], server.uuid)
            self._neutron.delete_port(port["id"])
        taken = self._neutron.together(
            [lambda place=place: self._take(server, place, grip) for place in plan.take]  # type: ignore[misc]
            + [lambda place=place, port=port: self._keep(server, place, port, grip) for place, port in plan.keep]  # type: ignore[misc]
        )
        made = self._create(ctx, spec, plan.create, grip, alone=again)
        ports = taken + made
        for port in ports:
            if port.get("binding:vif_type") == "binding_failed":
                raise network_errors.PortBindingFailed(port_id=port["id"])
        return ports, frozenset(port["id"] for port in made)

    def _requests(
        self, ctx: RequestContext, spec: ServerSpec, present: Sequence[Json]
    ) -> Sequence[RequestedNetwork]:
        """What was asked for, with "Neutron may choose" replaced by what it has chosen."""
        networks = spec.networks or ()
        if networks and (networks[0].network_id or networks[0].port_id):
            return networks
        if present:
            return [RequestedNetwork(network_id=p["network_id"]) for p in neutron_vifs.ordered(present)]
        chosen = self._choose_network(ctx, spec.server.project_id, may_make=bool(networks))
        tag = networks[0].tag if networks else None
        return [RequestedNetwork(network_id=chosen["id"], tag=tag)] if chosen else ()

    def _choose_network(self, ctx: RequestContext, project_id: str, *, may_make: bool) -> Json | None:
        """The one network that a project has; where the user said ``auto``, it is made if there is none."""
        own: Json = {"tenant_id": project_id, "shared": False}
        if may_make:
            # Neutron makes the automatic network in several steps, and lifts it at the last one.
            own["admin_state_up"] = True
        found = self._neutron.networks(ctx, **own) + self._neutron.networks(ctx, shared=True)
        networks = list({network["id"]: network for network in found}.values())
        if len(networks) > 1:
            raise network_errors.NetworkAmbiguous()
        if networks:
            return networks[0]
        return self._neutron.auto_allocate(ctx, project_id) if may_make else None

    def _take(self, server: Server, place: Place, grip: "_Grip") -> Json:
        """Make a port that the user brought the server's."""
        port_id = place.request.port_id or ""
        for _ in range(_TRIES):
            port = self._neutron.port(port_id)
            if port["tenant_id"] != server.project_id:
                raise network_errors.PortNotUsable(port_id=port_id, instance_id=server.uuid)
            if port.get("device_id") not in ("", None, server.uuid):
                raise errors.PortInUse(port_id=port_id)
            if port.get("device_id"):
                grip.check(port)
            changes = self._bound(server, place, grip, port, created=False)
            try:
                return self._neutron.update_port(port_id, changes, revision=port.get("revision_number"))
            except errors.PortInUse:
                LOG.debug("Port %s changed while it was taken", port_id)
        raise errors.PortInUse(port_id=port_id)

    def _keep(self, server: Server, place: Place, port: Json, grip: "_Grip") -> Json:
        """Bind a port that is the server's already, unless it is bound as it should be."""
        for _ in range(_TRIES):
            grip.check(port)
            if grip.has(port):
                return port
            created = neutron_vifs.was_created_here(port, server.vifs, frozenset({place.request.port_id or ""}))
            changes = self._bound(server, place, grip, port, created=created)
            try:
                return self._neutron.update_port(port["id"], changes, revision=port.get("revision_number"))
            except errors.PortInUse:
                port = self._neutron.port(port["id"])
        raise errors.PortInUse(port_id=port["id"])

    def _create(
        self, ctx: RequestContext, spec: ServerSpec, places: Sequence[Place], grip: "_Grip", *, alone: bool
    ) -> list[Json]:
        """Make ports. What :func:`read_vifs` will ask for is read meanwhile, unless it is kept."""
        if not places:
            return []
        groups = self._security_group_ids(ctx, spec)
        named = "dns-integration" in self._neutron.extensions()
        networks: dict[str, Json] = {}
        ids = [place.request.network_id or "" for place in places]
        if groups or named:
            networks = {n["id"]: n for n in self._neutron.networks(id=ids)}
        bodies = [self._body(spec.server, place, grip, groups, networks, named=named) for place in places]
        calls: list[Callable[[], Any]] = [lambda: self._port_batcher.create(bodies, alone=alone)]
        return self._neutron.together(calls + self._facts.prefetch(ids, groups, spec.server.project_id))[0]

    def _body(
        self,
        server: Server,
        place: Place,
        grip: "_Grip",
        groups: list[str],
        networks: dict[str, Json],
        *,
        named: bool,
    ) -> Json:
        """What a port is made of. The API has checked that the user may have it so."""
        network = networks.get(place.request.network_id or "", {})
        body = self._bound(server, place, grip, {}, created=True)
        body |= {"network_id": place.request.network_id, "tenant_id": server.project_id, "admin_state_up": True}
        if groups:
            if not network.get("port_security_enabled", True) or not network.get("subnets"):
                raise network_errors.SecurityGroupsNotApplicable()
            body["security_groups"] = groups
        if place.request.fixed_ip is not None:
            body["fixed_ips"] = [{"ip_address": place.request.fixed_ip}]
        # A name in a domain of the network's own goes to the user's DNS zone: not in our name.
        if named and server.hostname and not network.get("dns_domain"):
            body["dns_name"] = server.hostname
        return body

    def _bound(self, server: Server, place: Place, grip: "_Grip", port: Json, *, created: bool) -> Json:
        """The fields of a port that is bound to a host for a server."""
        profile = dict(port.get("binding:profile") or {})
        profile[neutron_vifs.MARK] = neutron_vifs.mark(
            created=created, index=place.number, tag=place.request.tag, epoch=grip.epoch
        )
        zone = server.availability_zone or self._conf.default_availability_zone
        return {
            "device_id": server.uuid,
            "device_owner": f"compute:{zone}",
            "binding:host_id": grip.host,
            "binding:profile": profile,
        }

    def _security_group_ids(self, ctx: RequestContext, spec: ServerSpec) -> list[str]:
        """The ids of the groups asked for; empty when Neutron's own choice (``default``) is right."""
        wanted = list(dict.fromkeys(spec.security_groups or spec.server.security_groups))
        if wanted in ([], ["default"]):
            return []
        if all(uuidutils.is_uuid_like(name) for name in wanted):
            return wanted
        fields = ["id", "name"]
        groups = self._neutron.security_groups(ctx, tenant_id=spec.server.project_id, fields=fields)
        return [_group_id(name, groups) for name in wanted]

    # -- moving

    def bind(self, spec: ServerSpec, host: str, *, epoch: int) -> tuple[Vif, ...]:
        """Bind the ports that a server has to a host, unless they are. Return its interfaces there, without those
        whose ports are gone.

        :param epoch: of the operation, as in :meth:`allocate`.
        :raises Fenced: a successor has taken a port over.
        :raises PortBindingFailed: a port can't be had on this host.
        :raises NeutronRefused: anything else that Neutron says no to.
        :raises Unavailable: Neutron doesn't answer.
        """
        server, grip, known = spec.server, _Grip(host, epoch), spec.server.vifs
        if not known:
            return ()
        present = {port["id"]: port for port in self._neutron.ports(device_id=server.uuid)}
        if gone := [vif.port_id for vif in known if vif.port_id not in present]:
            LOG.warning("Ports of instance %s are gone: %s", server.uuid, ", ".join(gone))
        found = [
            (Place(number, RequestedNetwork(port_id=vif.port_id, tag=vif.tag)), present[vif.port_id])
            for number, vif in enumerate(known)
            if vif.port_id in present
        ]
        ports = self._neutron.together(
            [lambda place=place, port=port: self._keep(server, place, port, grip) for place, port in found]  # type: ignore[misc]
        )
        for port in ports:
            if port.get("binding:vif_type") == "binding_failed":
                raise network_errors.PortBindingFailed(port_id=port["id"])
        bridge = self._conf.neutron.ovs_bridge
        return neutron_vifs.read_vifs(
            self._neutron, ports, ovs_bridge=bridge, known=known, given=_given(spec), facts=self._facts, fresh=True
        )

    # -- waiting

    def expect_plugged(self, uuid: str, vifs: Sequence[Vif]) -> Expectation:
        """Expect Neutron's word that these interfaces work. Call it before they are plugged; a context manager.

        Interfaces that worked already when they were read are not waited for.
        """
        return self.events.expect(uuid, [(PLUGGED, vif.port_id) for vif in vifs if not vif.active])

    def wait_plugged(self, ctx: RequestContext, expectation: Expectation, *, timeout: float | None = None) -> bool:
        """Wait for what :meth:`expect_plugged` expects. Events may get lost, so Neutron is asked as well.

        :param timeout: seconds; unset, ``vif_plugging_timeout``. 0 is not to wait.
        :return: whether all interfaces work.
        :raises PluggingFailed: they don't, and ``vif_plugging_is_fatal``.
        :raises Cancelled: the job that waits is to stop.
        """
        seconds = self._conf.vif_plugging_timeout if timeout is None else timeout
        if not expectation.open and not expectation.failed:
            return True
        if seconds <= 0:
            return False
        if expectation.wait(seconds, look=self._settle_active):
            return True
        ports = ", ".join(sorted(str(tag) for _, tag in expectation.open | expectation.failed))
        LOG.warning(
            "Neutron did not report these ports of instance %s as plugged within %s s: %s",
            expectation.instance_uuid, seconds, ports,
        )  # fmt: skip
        if self._conf.vif_plugging_is_fatal:
            raise network_errors.PluggingFailed(instance_id=expectation.instance_uuid)
        return False

    def _settle_active(self, expectation: Expectation) -> None:
        try:
            ports = self._neutron.ports(device_id=expectation.instance_uuid, fields=["id", "status"])
        except errors.NovalikeError as error:
            LOG.warning("Can't see whether the ports of instance %s work: %s", expectation.instance_uuid, error)
            return
        for port in ports:
            if port["status"] == "ACTIVE":
                expectation.settle((PLUGGED, port["id"]))

    # -- letting go

    def deallocate(self, ctx: RequestContext, spec: ServerSpec) -> None:
        """Delete the ports that we made for a server; free those that the user brought.

        :raises Unavailable: Neutron doesn't answer.
        :raises NeutronRefused: Neutron will not.
        """
        if spec.networks is None and not spec.server.vifs:
            return  # none were asked for, and none have come since
        release_ports(self._neutron, spec.server.uuid, spec.server.vifs, _given(spec))

    def clear(self, server: Server, host: str) -> None:
        """Delete the ports that were made for a server on a host that it has left, and that it does not have.

        Those that the server has are its only ones, whichever host they are still bound to: after a move, whoever moved
        it binds them.

        :raises Unavailable: Neutron doesn't answer.
        :raises NeutronRefused: Neutron will not.
        """
        its_own = frozenset() if server.vm_state == VmState.DELETED else {vif.port_id for vif in server.vifs}
        for port in self._neutron.ports(device_id=server.uuid):
            if port["id"] in its_own:
                continue
            if port.get("binding:host_id") == host and neutron_vifs.was_created_here(port):
                LOG.info("Deleting port %s, made on host %s for instance %s", port["id"], host, server.uuid)
                self._neutron.delete_port(port["id"])

    # -- looking

    def refresh(self, ctx: RequestContext, uuid: str, known: Sequence[Vif] = ()) -> tuple[Vif, ...]:
        """A server's interfaces as Neutron has them now.

        :param known: as they were recorded last: keeps order and tags of ports made by other releases.
        :raises Unavailable: Neutron doesn't answer.
        """
        ports = self._neutron.ports(device_id=uuid)
        bridge = self._conf.neutron.ovs_bridge
        return neutron_vifs.read_vifs(self._neutron, ports, ovs_bridge=bridge, known=known, facts=self._facts)


class _Grip(NamedTuple):
    """In whose hands a port is to be.

    :param epoch: 0 asks nobody.
    """

    host: str
    epoch: int

    def check(self, port: Json) -> None:
        """
        :raises Fenced: somebody who came later has the port.
        """
        if self.epoch and neutron_vifs.epoch_of(port) > self.epoch:
            raise errors.Fenced(operation_id=f"of port {port['id']}", epoch=self.epoch)

    def has(self, port: Json) -> bool:
        """Whether the port is bound as it should be, by us."""
        bound = port.get("binding:host_id") == self.host and port.get("binding:vif_type") not in _UNUSABLE_BINDINGS
        return bound and neutron_vifs.mark_of(port) is not None and neutron_vifs.epoch_of(port) == self.epoch


def _given(spec: ServerSpec) -> frozenset[str]:
    return frozenset(n.port_id for n in spec.networks or () if n.port_id)


def _group_id(name: str, groups: Sequence[Json]) -> str:
    for group in groups:
        if group["id"] == name:
            return name
    found = [group["id"] for group in groups if group["name"] == name]
    if len(found) > 1:
        raise network_errors.SecurityGroupAmbiguous(security_group=name)
    if not found:
        raise network_errors.SecurityGroupNotFound(security_group=name)
    return found[0]
