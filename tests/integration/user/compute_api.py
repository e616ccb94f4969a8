"""The compute API and its neighbours over plain HTTP: what can't be said with the CLI, or would be slow there."""

from functools import cached_property
from typing import Any

import requests
from keystoneauth1.adapter import Adapter

from tests.integration.user.stack import Stack
from tests.integration.user.waiting import wait_for


class ComputeApi:
    """What a user of a stack may ask for."""

    def __init__(self, stack: Stack, user: str, microversion: str = "2.100") -> None:
        self._stack = stack
        session = stack.session(user)
        self.project_id = session.get_project_id()

        def service(kind: str, **more: Any) -> Adapter:
            return Adapter(session, service_type=kind, region_name=stack.region, raise_exc=False, **more)

        self.compute = service("compute", default_microversion=microversion)
        self.network = service("network")
        self.image = service("image")
        self.placement = service("placement", default_microversion="1.36")

    @cached_property
    def image_id(self) -> str:
        """The stack's image."""
        return self.image.get("/v2/images", params={"name": self._stack.image}).json()["images"][0]["id"]

    @cached_property
    def flavor_id(self) -> str:
        """The stack's flavor."""
        flavors = self.compute.get("/flavors").json()["flavors"]
        return next(flavor["id"] for flavor in flavors if flavor["name"] == self._stack.flavor)

    @cached_property
    def network_id(self) -> str:
        """The network for servers."""
        found = self.network.get("/v2.0/networks", params={"name": self._stack.private_network}).json()
        return found["networks"][0]["id"]

    def server_body(self, name: str, /, **more: Any) -> dict[str, Any]:
        """What asks for a server of the stack's image and flavor on its private network; ``more`` wins."""
        usual = {"imageRef": self.image_id, "flavorRef": self.flavor_id, "networks": [{"uuid": self.network_id}]}
        return {"server": {"name": name} | usual | more}

    def create(self, body: Any) -> requests.Response:
        """POST /servers. Bytes are sent as they are, anything else as JSON."""
        if isinstance(body, bytes):
            return self.compute.post("/servers", data=body, headers={"Content-Type": "application/json"})
        return self.compute.post("/servers", json=body)

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Any request."""
        return self.compute.request(path, method, **({} if body is None else {"json": body}))

    def servers(self, **query: Any) -> list[dict[str, Any]]:
        """Servers in detail, page after page."""
        found: list[dict[str, Any]] = []
        while True:
            marker = {"marker": found[-1]["id"]} if found else {}
            page = self.compute.get("/servers/detail", params=query | marker).json()["servers"]
            found += page
            if not page:
                return found

    def server(self, server_id: str) -> dict[str, Any] | None:
        """A server, unless there is none."""
        answer = self.compute.get(f"/servers/{server_id}")
        return answer.json()["server"] if answer.status_code == 200 else None

    def wait_for_status(self, server_id: str, *wanted: str, seconds: float = 120) -> dict[str, Any]:
        """The server, once it has one of the statuses and nothing is going on with it."""

        def look() -> dict[str, Any] | None:
            server = self.server(server_id)
            assert server is not None, f"server {server_id} is gone"
            settled = server["status"] in wanted and not server["OS-EXT-STS:task_state"]
            assert settled or server["status"] != "ERROR", server.get("fault")
            return server if settled else None

        return wait_for(look, f"server {server_id} is {' or '.join(wanted)}", seconds)

    def delete(self, *server_ids: str, seconds: float = 90) -> None:
        """Delete servers, and wait until they are gone."""
        for server_id in server_ids:
            answer = self.compute.delete(f"/servers/{server_id}")
            assert answer.status_code in (204, 404), answer.text
        for server_id in server_ids:
            wait_for(lambda gone=server_id: self.server(gone) is None, f"server {server_id} is gone", seconds)

    def ports(self, **query: Any) -> list[dict[str, Any]]:
        """Neutron's ports."""
        return self.network.get("/v2.0/ports", params=query).json()["ports"]

    def allocations(self, consumer: str) -> dict[str, Any]:
        """What Placement holds for a consumer: resources by provider."""
        return self.placement.get(f"/allocations/{consumer}").json()["allocations"]
