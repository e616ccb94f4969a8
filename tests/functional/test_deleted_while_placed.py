"""A server is deleted while a host is being chosen for it: the claim that comes afterwards is nobody's."""

import threading
from collections.abc import Callable
from typing import Any

from tests.functional.harness import Cloud


def test_its_claim_is_given_up_at_once(make_cloud: Callable[..., Cloud]) -> None:
    """Not only when the lease of the operation would have run out."""
    cloud = make_cloud(conductor__operation_lease=600)
    claim, asked, deleted, claimed = cloud.placement.claim, *(threading.Event() for _ in range(3))

    def claim_late(claims: Any) -> None:
        asked.set()
        assert deleted.wait(10)
        claim(claims)
        claimed.set()

    cloud.placement.claim = claim_late  # type: ignore[method-assign]
    uuid = cloud.demo.at("2.37").post("/servers", cloud.server_body("short"), 202)["server"]["id"]
    assert asked.wait(10)
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    deleted.set()
    assert claimed.wait(10)
    cloud.eventually(lambda: uuid not in cloud.placement.consumers)
