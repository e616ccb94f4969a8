"""Parts of nodes as resource providers: what is made of a report, and what goes when it is not reported any more."""

from typing import Any

import pytest
import requests
from msgspec.structs import replace

from novalike.clients import placement_provider
from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import Claim, single
from novalike.objects import errors
from novalike.objects.host import ChildProvider, NodeReport, ResourceInventory
from tests.fakes.http import Asked, FakeSession, answer
from tests.fakes.placement import FakePlacement
from tests.unit.scheduler.cloud import report

CELL0 = ChildProvider(
    name="numa_0", inventories={"PCPU": ResourceInventory(total=8, reserved=2)}, traits=("HW_NUMA_ROOT",)
)
CARD = ChildProvider(
    name="0000:81:00.0",
    inventories={"CUSTOM_CARD": ResourceInventory(total=4, max_unit=1, min_unit=1, step_size=1)},
    traits=("CUSTOM_FAST",),
)


def node(*children: ChildProvider, **more: Any) -> NodeReport:
    return report("node", children=children, **more)


def child(part: ChildProvider) -> str:
    return placement_provider.child_uuid(node().uuid, part.name)


class Service:
    """Resource providers, as Placement keeps them and answers for them."""

    def __init__(self) -> None:
        self.providers: dict[str, dict[str, Any]] = {}
        self.custom = {"classes": set[str](), "traits": set[str]()}
        self.in_use: set[str] = set()
        self.session = FakeSession(self.respond)
        self.client = PlacementClient(None, self.session)  # type: ignore[arg-type]

    def respond(self, asked: Asked) -> requests.Response:
        path, _, query = asked.path.partition("?")
        kind, *rest = path.strip("/").split("/")
        if kind != "resource_providers":
            self.custom[{"resource_classes": "classes", "traits": "traits"}[kind]].add(rest[0])
            return answer(201)
        if not rest:
            return self._make(asked.json) if asked.method == "POST" else self._tree(query.removeprefix("in_tree="))
        provider, what = rest[0], rest[1] if len(rest) > 1 else None
        if provider not in self.providers:
            return answer(404, {"errors": [{"detail": "no such provider"}]})
        return self._one(asked, provider, what)

    def _make(self, body: dict[str, Any]) -> requests.Response:
        assert body["name"] not in {provider["name"] for provider in self.providers.values()}
        assert body.get("parent_provider_uuid") in (None, *self.providers)
        self.providers[body["uuid"]] = {"parent_provider_uuid": None, "inventories": {}, "traits": [], **body}
        return answer(200, {})

    def _tree(self, provider: str) -> requests.Response:
        found = [
            {"uuid": uuid, "name": each["name"]}
            for uuid, each in self.providers.items()
            if provider in self.providers and provider in (uuid, each["parent_provider_uuid"])
        ]
        return answer(200, {"resource_providers": found})

    def _one(self, asked: Asked, provider: str, what: str | None) -> requests.Response:
        found = self.providers[provider]
        if asked.method == "DELETE":
            if any(each["parent_provider_uuid"] == provider for each in self.providers.values()):
                return self._refusal("placement.resource_provider.cannot_delete_parent")
            if provider in self.in_use:
                return self._refusal("placement.resource_provider.inuse")
            del self.providers[provider]
            return answer(204)
        if asked.method == "PUT":
            body = dict(asked.json)
            assert what is None or body.pop("resource_provider_generation") == 5
            self._check_names(body)
            found |= body
            return answer(200, {})
        return answer(200, {what: found[what], "resource_provider_generation": 5} if what else found)

    def _check_names(self, body: dict[str, Any]) -> None:
        for kind, names in (("classes", body.get("inventories", ())), ("traits", body.get("traits", ()))):
            assert {name for name in names if name.startswith("CUSTOM_")} <= self.custom[kind]

    @staticmethod
    def _refusal(code: str) -> requests.Response:
        return answer(409, {"errors": [{"detail": "no", "code": code}]})

    def writes(self) -> list[tuple[str, str]]:
        return [(asked.method, asked.path) for asked in self.session.asked if asked.method != "GET"]


@pytest.fixture
def service() -> Service:
    return Service()


def test_parts_are_made_below_their_node(service: Service) -> None:
    service.client.ensure_provider(node(CELL0, CARD))
    root = service.providers.pop(node().uuid)
    assert set(root["inventories"]) == {"VCPU", "MEMORY_MB", "DISK_GB"}
    assert service.providers == {
        child(CELL0): {
            "uuid": child(CELL0), "name": "node_numa_0", "parent_provider_uuid": node().uuid,
            "traits": ["HW_NUMA_ROOT"],
            "inventories": {
                "PCPU": {
                    "total": 8, "reserved": 2, "min_unit": 1, "max_unit": 8, "step_size": 1, "allocation_ratio": 1.0,
                },
            },
        },
        child(CARD): {
            "uuid": child(CARD), "name": "node_0000:81:00.0", "parent_provider_uuid": node().uuid,
            "traits": ["CUSTOM_FAST"],
            "inventories": {
                "CUSTOM_CARD": {
                    "total": 4, "reserved": 0, "min_unit": 1, "max_unit": 1, "step_size": 1, "allocation_ratio": 1.0,
                },
            },
        },
    }  # fmt: skip


def test_what_is_as_reported_is_not_written_again(service: Service) -> None:
    assert service.client.ensure_provider(node(CELL0, CARD))
    assert not service.client.ensure_provider(node(CELL0, CARD))
    service.session.asked.clear()
    assert PlacementClient(None, service.session).ensure_provider(node(CELL0, CARD))  # type: ignore[arg-type]
    assert service.writes() == []


def test_a_part_that_has_changed(service: Service) -> None:
    service.client.ensure_provider(node(CELL0))
    service.custom["traits"].add("CUSTOM_OPERATORS")
    service.providers[child(CELL0)]["traits"].append("CUSTOM_OPERATORS")
    changed = replace(CELL0, inventories={"VCPU": ResourceInventory(total=3, allocation_ratio=2.0)}, traits=())
    assert service.client.ensure_provider(node(changed))
    found = service.providers[child(CELL0)]
    assert {name: inventory["total"] for name, inventory in found["inventories"].items()} == {"VCPU": 3}
    assert found["traits"] == ["CUSTOM_OPERATORS"]


def test_a_renamed_node_renames_its_parts(service: Service) -> None:
    service.client.ensure_provider(node(CELL0, CARD))
    service.client.ensure_provider(node(CELL0, hypervisor_hostname="a_new_name"))
    names = {uuid: provider["name"] for uuid, provider in service.providers.items()}
    assert names == {node().uuid: "a_new_name", child(CELL0): "a_new_name_numa_0"}, "CARD went, by its old name"


def test_parts_that_are_gone_go_and_those_of_other_agents_stay(service: Service) -> None:
    service.client.ensure_provider(node(CELL0, CARD))
    agents = {"uuid": "6e2f3c0a-0d4d-4d55-9a5d-0c7b2e7d1f11", "name": "node_numa_0:Open vSwitch agent"}
    service._make({**agents, "parent_provider_uuid": node().uuid})
    service.client.ensure_provider(node(CARD))
    assert set(service.providers) == {node().uuid, child(CARD), agents["uuid"]}


def test_a_part_that_is_gone_and_in_use_takes_nothing_new_until_it_can_go(service: Service) -> None:
    service.client.ensure_provider(node(CELL0))
    service.in_use = {child(CELL0)}
    service.client.ensure_provider(node())
    inventory = service.providers[child(CELL0)]["inventories"]["PCPU"]
    assert (inventory["total"], inventory["reserved"]) == (8, 8)
    service.client.ensure_provider(node(CELL0))
    assert service.providers[child(CELL0)]["inventories"]["PCPU"]["reserved"] == 2, "it has come back"
    service.in_use = set()
    service.client.ensure_provider(node())
    assert child(CELL0) not in service.providers


def test_a_node_is_deleted_with_its_parts(service: Service) -> None:
    service.client.ensure_provider(node(CELL0, CARD))
    assert service.client.delete_provider(node().uuid)
    assert service.providers == {}
    assert not service.client.delete_provider(node().uuid)


def test_a_node_with_a_part_in_use_is_not_deleted(service: Service) -> None:
    service.client.ensure_provider(node(CELL0))
    service.in_use = {child(CELL0)}
    with pytest.raises(errors.Conflict, match="in use"):
        service.client.delete_provider(node().uuid)
    assert set(service.providers) == {node().uuid, child(CELL0)}


def test_a_class_of_the_drivers_own_on_the_node_itself(service: Service) -> None:
    more = {"CUSTOM_BAREMETAL": ResourceInventory(total=1)}
    made = replace(node(), inventories=more)
    service.client.ensure_provider(made)
    assert set(service.providers[made.uuid]["inventories"]) == {"CUSTOM_BAREMETAL"}


def test_the_placement_of_other_tests_does_the_same() -> None:
    placement = FakePlacement()
    assert placement.ensure_provider(node(CELL0, CARD))
    assert not placement.ensure_provider(node(CELL0, CARD))
    assert placement.provider_roots() == dict.fromkeys([node().uuid, child(CELL0), child(CARD)], node().uuid)
    placement.claim([Claim("server", single(child(CELL0), {"PCPU": 1}), "project", "user")])
    placement.ensure_provider(node())
    assert set(placement.providers) == {node().uuid, child(CELL0)}
    assert placement.providers[child(CELL0)].capacity("PCPU") == 0
    placement.delete_allocations("server")
    placement.ensure_provider(node())
    assert set(placement.providers) == {node().uuid}
