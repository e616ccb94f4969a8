"""The image cache of a host does not grow for ever."""

from collections.abc import Callable

import pytest

from novalike.compute import image_cache
from tests.functional.harness import Cloud


def test_an_image_that_no_server_uses_any_more_goes(
    make_cloud: Callable[..., Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "_SHORTEST_AGE", 0)
    monkeypatch.setattr(image_cache, "_MINUTE", 0.1)
    cloud = make_cloud(
        hosts=1, image_cache__manager_interval=0, image_cache__remove_unused_original_minimum_age_seconds=0
    )
    used = cloud.glance.add_image(b"y" * 1024, name="used", disk_format="raw", container_format="bare")
    body = cloud.server_body()
    kept_body = cloud.server_body("kept")
    kept_body["server"]["imageRef"] = used.id
    gone, kept = (cloud.demo.at("2.37").post("/servers", b, 202)["server"]["id"] for b in (body, kept_body))
    for server in (gone, kept):
        cloud.demo.wait_for(server, "ACTIVE")
    fetched = cloud.compute.driver._fetched  # type: ignore[attr-defined]
    assert set(fetched) == {cloud.image.id, used.id}
    cloud.demo.post(f"/servers/{kept}/action", {"os-stop": None}, 202)
    cloud.demo.delete(f"/servers/{gone}")
    cloud.demo.wait_gone(gone)
    cloud.eventually(lambda: cloud.image.id not in fetched)
    assert set(fetched) == {used.id}
