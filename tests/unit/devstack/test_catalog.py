"""The catalog that devstack makes, over a Keystone of lists: with the benchmark's Nova beside us, too."""

import importlib.util
import itertools
import sys
import types
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "devstack" / "python"
URL = "http://127.0.0.1:8784/v2.1"


class Identity:
    """As much of the SDK's identity proxy as the scripts use."""

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._kept_endpoints: list[Any] = []
        self._ids = itertools.count()

    def services(self, **query: str) -> Any:
        return (each for each in list(self._kept) if all(getattr(each, k) == v for k, v in query.items()))

    def endpoints(self, **query: str) -> Any:
        return (each for each in list(self._kept_endpoints) if all(getattr(each, k) == v for k, v in query.items()))

    def create_service(self, **facts: str) -> Any:
        self._kept.append(types.SimpleNamespace(id=str(next(self._ids)), **facts))
        return self._kept[-1]

    def create_endpoint(self, **facts: str) -> None:
        self._kept_endpoints.append(types.SimpleNamespace(id=str(next(self._ids)), **facts))

    def update_service(self, service: Any, **facts: str) -> None:
        vars(service).update(facts)

    def update_endpoint(self, endpoint: Any, **facts: str) -> None:
        vars(endpoint).update(facts)

    def found(self) -> dict[tuple[str, str], set[str]]:
        """(name, type) of each service → the URLs of its endpoints."""
        return {
            (service.name, service.type): {each.url for each in self.endpoints(service_id=service.id)}
            for service in self.services()
        }


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "openstack", types.ModuleType("openstack"))  # the SDK is in devstack's own venv
    for number, name in enumerate(("PLACEMENT", "GLANCE", "NEUTRON", "COMPUTE")):
        monkeypatch.setenv(f"DEVSTACK_{name}_PORT", str(8000 + number))
    module = load("cloud")
    monkeypatch.setitem(sys.modules, "cloud", module)
    return module


def test_the_compute_service_has_the_name_that_clients_look_for(cloud: Any) -> None:
    identity = Identity()
    for _ in range(2):  # the second run finds everything
        cloud.make_catalog(identity)
        assert identity.found() == {
            ("placement", "placement"): {"http://127.0.0.1:8000"},
            ("glance", "image"): {"http://127.0.0.1:8001"},
            ("neutron", "network"): {"http://127.0.0.1:8002"},
            ("nova", "compute"): {"http://127.0.0.1:8003/v2.1"},
        }
    assert len(list(identity.endpoints())) == 12


def test_a_catalog_of_before_is_mended(cloud: Any) -> None:
    identity = Identity()
    old = identity.create_service(name="novalike", type="compute")
    cloud.make_catalog(identity)
    assert [(each.id, each.name) for each in identity.services(type="compute")] == [(old.id, "nova")]


def test_the_benchmarks_nova_is_another_service(cloud: Any) -> None:
    identity = Identity()
    cloud.make_catalog(identity)
    load("nova_accounts").make_endpoints(identity, URL)
    assert identity.found()[("nova", "compute")] == {"http://127.0.0.1:8003/v2.1"}
    assert identity.found()[("compute-nova", "compute-nova")] == {URL}


def test_the_benchmarks_nova_of_before_is_renamed(cloud: Any) -> None:
    """It had the name that the compute service has now."""
    identity = Identity()
    identity.create_service(name="nova", type="compute-nova")
    for _ in range(2):
        cloud.make_catalog(identity)
        load("nova_accounts").make_endpoints(identity, URL)
        assert identity.found()[("nova", "compute")] == {"http://127.0.0.1:8003/v2.1"}
        assert identity.found()[("compute-nova", "compute-nova")] == {URL}
