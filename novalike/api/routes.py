"""The table of all endpoints.

A line is method, path, what it does, who may (``None``: the handler asks once it knows whose thing it is), and
what it accepts. Paths are without version and project, which ``middleware.context`` cuts off.
"""

from oslo_config import cfg

from novalike.api.policies import aggregates as aggregate_policies
from novalike.api.policies import flavors as flavor_policies
from novalike.api.policies import hypervisors as hypervisor_policies
from novalike.api.policies import quotas as quota_policies
from novalike.api.policies import server_external_events as event_policies
from novalike.api.policies import servers as server_policies
from novalike.api.policies import services as service_policies
from novalike.api.resources.aggregates import Aggregates
from novalike.api.resources.availability_zones import AvailabilityZones
from novalike.api.resources.consoles import Consoles, ConsoleTokens
from novalike.api.resources.flavor_access import FlavorAccess
from novalike.api.resources.flavor_extra_specs import FlavorExtraSpecs
from novalike.api.resources.flavors import Flavors
from novalike.api.resources.hypervisors import Hypervisors
from novalike.api.resources.instance_actions import InstanceActions
from novalike.api.resources.keypairs import Keypairs
from novalike.api.resources.quotas import Limits, QuotaClassSets, QuotaSets
from novalike.api.resources.server_create.create import ServerCreate
from novalike.api.resources.server_external_events import ServerExternalEvents
from novalike.api.resources.server_marks import ServerMarks
from novalike.api.resources.server_metadata import ServerMetadata
from novalike.api.resources.server_tags import ServerTags
from novalike.api.resources.servers import ServerActions, ServerAddresses, Servers
from novalike.api.resources.services import Services
from novalike.api.resources.versions import Versions, unversioned
from novalike.api.route import Action, Route, actions
from novalike.api.schemas import aggregates as aggregate_schemas
from novalike.api.schemas import consoles as console_schemas
from novalike.api.schemas import flavors as flavor_schemas
from novalike.api.schemas import hypervisors as hypervisor_schemas
from novalike.api.schemas import instance_actions as action_schemas
from novalike.api.schemas import keypairs as keypair_schemas
from novalike.api.schemas import quotas as quota_schemas
from novalike.api.schemas import server_external_events as event_schemas
from novalike.api.schemas import server_marks as mark_schemas
from novalike.api.schemas import server_metadata as metadata_schemas
from novalike.api.schemas import server_tags as tag_schemas
from novalike.api.schemas import servers as server_schemas
from novalike.api.schemas import services as service_schemas
from novalike.bus.aggregates import AggregateCommands, AggregateReads
from novalike.bus.consoles import ConsoleReads
from novalike.bus.flavors import FlavorCommands, FlavorReads
from novalike.bus.hypervisors import HypervisorReads
from novalike.bus.keypairs import KeypairCommands, KeypairReads
from novalike.bus.quotas import QuotaCommands, QuotaReads
from novalike.bus.servers import ServerCommands, ServerReads
from novalike.bus.services import ServiceCommands, ServiceReads
from novalike.bus.transport import Transport
from novalike.clients.glance import GlanceClient
from novalike.clients.keystone import KeystoneClient
from novalike.clients.neutron import NeutronClient

__all__ = ["table", "unversioned"]


def table(conf: cfg.ConfigOpts, transport: Transport, glance: GlanceClient, neutron: NeutronClient) -> list[Route]:
    """Every endpoint, with the resources that serve them."""
    versions = Versions()
    keystone = KeystoneClient(conf)
    return [
        Route("GET", "/v2.1", versions.show, None),
        *_servers(conf, transport, glance, neutron),
        *_services(conf, transport),
        *_hypervisors(conf, transport),
        *_consoles(transport),
        *_flavors(conf, transport, keystone),
        *_keypairs(conf, transport),
        *_quotas(transport, keystone),
        *_aggregates(conf, transport),
    ]


def _servers(conf: cfg.ConfigOpts, transport: Transport, glance: GlanceClient, neutron: NeutronClient) -> list[Route]:
    schemas, may = server_schemas, server_policies
    servers = Servers(conf, transport)
    create = ServerCreate(conf, transport, glance, neutron)
    power = ServerActions(transport)
    marks = ServerMarks(transport)
    addresses = ServerAddresses(transport)
    metadata = ServerMetadata(transport)
    tags = ServerTags(transport)
    one = "/servers/{server_id}"
    return [
        Route("GET", "/servers", servers.index, may.INDEX, query=schemas.LIST),
        Route("POST", "/servers", create.create, may.CREATE, 202, body=schemas.CREATE),
        Route("GET", "/servers/detail", servers.detail, may.DETAIL, query=schemas.LIST),
        Route("GET", one, servers.show, None, query=schemas.SHOW),
        Route("PUT", one, servers.update, None, body=schemas.UPDATE),
        Route("DELETE", one, servers.delete, None, 204),
        *actions(
            f"{one}/action",
            [
                Action("os-start", power.start, None, body=schemas.START),
                Action("os-stop", power.stop, None, body=schemas.STOP),
                Action("reboot", power.reboot, None, body=schemas.REBOOT),
                Action("lock", marks.lock, None, body=mark_schemas.LOCK),
                Action("unlock", marks.unlock, None, body=mark_schemas.UNLOCK),
                Action("os-resetState", marks.reset_state, None, body=mark_schemas.RESET_STATE),
            ],
        ),
        Route("GET", f"{one}/ips", addresses.index, None, query=schemas.SHOW),
        Route("GET", f"{one}/ips/{{label}}", addresses.show, None, query=schemas.SHOW),
        Route("GET", f"{one}/metadata", metadata.index, None, query=schemas.SHOW),
        Route("POST", f"{one}/metadata", metadata.create, None, body=metadata_schemas.ALL),
        Route("PUT", f"{one}/metadata", metadata.update_all, None, body=metadata_schemas.ALL),
        Route("GET", f"{one}/metadata/{{key}}", metadata.show, None, query=schemas.SHOW),
        Route("PUT", f"{one}/metadata/{{key}}", metadata.update, None, body=metadata_schemas.ONE),
        Route("DELETE", f"{one}/metadata/{{key}}", metadata.delete, None, 204),
        Route("GET", f"{one}/tags", tags.index, None, first="2.26"),
        Route("PUT", f"{one}/tags", tags.update_all, None, body=tag_schemas.ALL, first="2.26"),
        Route("DELETE", f"{one}/tags", tags.delete_all, None, 204, first="2.26"),
        Route("GET", f"{one}/tags/{{tag}}", tags.show, None, 204, first="2.26"),
        Route("PUT", f"{one}/tags/{{tag}}", tags.update, None, 201, body=tag_schemas.NO_BODY, first="2.26"),
        Route("DELETE", f"{one}/tags/{{tag}}", tags.delete, None, 204, first="2.26"),
    ]


def _consoles(transport: Transport) -> list[Route]:
    schemas = console_schemas
    consoles, tokens = Consoles(transport), ConsoleTokens(transport.client(ConsoleReads))
    one = "/servers/{server_id}"
    return [
        *actions(
            f"{one}/action",
            [
                Action("os-getConsoleOutput", consoles.output, None, 200, body=schemas.output),
                Action("os-getVNCConsole", consoles.vnc, None, 200, body=schemas.vnc, last="2.5"),
                Action("os-getSPICEConsole", consoles.spice, None, 200, body=schemas.spice, last="2.5"),
                Action("os-getSerialConsole", consoles.serial, None, 200, body=schemas.serial, last="2.5"),
                Action("os-getRDPConsole", consoles.rdp, None, 200, body=schemas.rdp, last="2.5"),
            ],
        ),
        Route("POST", f"{one}/remote-consoles", consoles.create, None, body=schemas.create, first="2.6"),
        Route("GET", "/os-console-auth-tokens/{token}", tokens.show, None, query=schemas.token_query),
    ]


def _services(conf: cfg.ConfigOpts, transport: Transport) -> list[Route]:
    services = Services(transport.client(ServiceReads), transport.client(ServiceCommands))
    taken = InstanceActions(conf, transport.client(ServerReads))
    events = ServerExternalEvents(transport.client(ServerCommands))
    one, actions_of = "/os-services/{service_id}", "/servers/{server_id}/os-instance-actions"
    may, schemas = service_policies, service_schemas
    return [
        Route("GET", "/os-services", services.index, may.LIST, query=schemas.index_query),
        Route("PUT", one, services.update_by_action, may.UPDATE, body=schemas.update, last="2.52"),
        Route("PUT", one, services.update, None, body=schemas.update, first="2.53"),
        Route("DELETE", one, services.delete, may.DELETE, 204),
        Route("GET", actions_of, taken.index, None, query=action_schemas.index_query),
        Route("GET", f"{actions_of}/{{request_id}}", taken.show, None, query=action_schemas.show_query),
        Route(
            "POST", "/os-server-external-events", events.create, event_policies.CREATE, body=event_schemas.create
        ),
    ]


def _hypervisors(conf: cfg.ConfigOpts, transport: Transport) -> list[Route]:
    schemas, may = hypervisor_schemas, hypervisor_policies
    hypervisors = Hypervisors(conf, transport.client(HypervisorReads))
    root, one = "/os-hypervisors", "/os-hypervisors/{hypervisor_id}"
    return [
        Route("GET", root, hypervisors.index, may.LIST, query=schemas.index_query),
        Route("GET", f"{root}/detail", hypervisors.detail, may.LIST_DETAIL, query=schemas.index_query),
        Route("GET", f"{root}/statistics", hypervisors.statistics, may.STATISTICS, last="2.87"),
        Route("GET", one, hypervisors.show, may.SHOW, query=schemas.show_query),
        Route("GET", f"{one}/uptime", hypervisors.uptime, may.UPTIME, last="2.87"),
        Route("GET", f"{one}/search", hypervisors.search, may.SEARCH, last="2.52"),
        Route("GET", f"{one}/servers", hypervisors.servers, may.SERVERS, last="2.52"),
    ]


def _flavors(conf: cfg.ConfigOpts, transport: Transport, keystone: KeystoneClient) -> list[Route]:
    schemas, may = flavor_schemas, flavor_policies
    reads, commands = transport.client(FlavorReads), transport.client(FlavorCommands)
    flavors = Flavors(conf, reads, commands)
    access = FlavorAccess(reads, commands, keystone)
    specs = FlavorExtraSpecs(reads, commands)
    one = "/flavors/{flavor_id}"
    return [
        Route("GET", "/flavors", flavors.index, None, query=schemas.index_query),
        Route("POST", "/flavors", flavors.create, may.CREATE, body=schemas.create),
        Route("GET", "/flavors/detail", flavors.detail, None, query=schemas.index_query),
        Route("GET", one, flavors.show, None, query=schemas.show_query),
        Route("PUT", one, flavors.update, may.UPDATE, body=schemas.update, first="2.55"),
        Route("DELETE", one, flavors.delete, may.DELETE, 202),
        *actions(
            f"{one}/action",
            [
                Action("addTenantAccess", access.add, may.ADD_ACCESS, 200, body=schemas.add_access),
                Action("removeTenantAccess", access.remove, may.REMOVE_ACCESS, 200, body=schemas.remove_access),
            ],
        ),
        Route("GET", f"{one}/os-flavor-access", access.index, may.LIST_ACCESS, query=schemas.show_query),
        Route("GET", f"{one}/os-extra_specs", specs.index, may.LIST_SPECS, query=schemas.show_query),
        Route("POST", f"{one}/os-extra_specs", specs.create, may.CREATE_SPECS, body=schemas.create_extra_specs),
        Route("GET", f"{one}/os-extra_specs/{{key}}", specs.show, may.SHOW_SPEC, query=schemas.show_query),
        Route("PUT", f"{one}/os-extra_specs/{{key}}", specs.update, may.UPDATE_SPEC, body=schemas.update_extra_spec),
        Route("DELETE", f"{one}/os-extra_specs/{{key}}", specs.delete, may.DELETE_SPEC),
    ]


def _keypairs(conf: cfg.ConfigOpts, transport: Transport) -> list[Route]:
    schemas = keypair_schemas
    keypairs = Keypairs(conf, transport.client(KeypairReads), transport.client(KeypairCommands))
    return [
        Route("GET", "/os-keypairs", keypairs.index, None, query=schemas.index_query),
        Route("POST", "/os-keypairs", keypairs.create, None, body=schemas.create),
        Route("GET", "/os-keypairs/{name}", keypairs.show, None, query=schemas.show_query),
        Route("DELETE", "/os-keypairs/{name}", keypairs.delete, None, query=schemas.show_query),
    ]


def _quotas(transport: Transport, keystone: KeystoneClient) -> list[Route]:
    schemas, may = quota_schemas, quota_policies
    reads, commands = transport.client(QuotaReads), transport.client(QuotaCommands)
    sets, classes = QuotaSets(reads, commands, keystone), QuotaClassSets(reads, commands)
    one, one_class = "/os-quota-sets/{project_id}", "/os-quota-class-sets/{name}"
    return [
        Route("GET", "/limits", Limits(reads).index, may.LIMITS, query=schemas.limits_query),
        Route("GET", one, sets.show, None, query=schemas.user_query),
        Route("PUT", one, sets.update, None, body=schemas.update, query=schemas.user_query),
        Route("DELETE", one, sets.delete, None, 202, query=schemas.user_query),
        Route("GET", f"{one}/detail", sets.detail, None, query=schemas.user_query),
        Route("GET", f"{one}/defaults", sets.defaults, None),
        Route("GET", one_class, classes.show, may.SHOW_CLASS, query=schemas.class_query),
        Route("PUT", one_class, classes.update, may.UPDATE_CLASS, body=schemas.update_class),
    ]


def _aggregates(conf: cfg.ConfigOpts, transport: Transport) -> list[Route]:
    schemas, may = aggregate_schemas, aggregate_policies
    reads = transport.client(AggregateReads)
    aggregates = Aggregates(reads, transport.client(AggregateCommands))
    zones = AvailabilityZones(conf, reads)
    one = "/os-aggregates/{aggregate_id}"
    return [
        Route("GET", "/os-availability-zone", zones.index, may.LIST_ZONES, query=schemas.query),
        Route("GET", "/os-availability-zone/detail", zones.detail, may.LIST_ZONES_DETAIL, query=schemas.query),
        Route("GET", "/os-aggregates", aggregates.index, may.LIST, query=schemas.query),
        Route("POST", "/os-aggregates", aggregates.create, may.CREATE, body=schemas.create),
        Route("GET", one, aggregates.show, may.SHOW, query=schemas.query),
        Route("PUT", one, aggregates.update, may.UPDATE, body=schemas.update),
        Route("DELETE", one, aggregates.delete, may.DELETE),
        *actions(
            f"{one}/action",
            [
                Action("add_host", aggregates.add_host, may.ADD_HOST, 200, body=schemas.add_host),
                Action("remove_host", aggregates.remove_host, may.REMOVE_HOST, 200, body=schemas.remove_host),
                Action("set_metadata", aggregates.set_metadata, may.SET_METADATA, 200, body=schemas.set_metadata),
            ],
        ),
    ]
