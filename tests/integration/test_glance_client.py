"""Our client against a real Glance, with a throw-away image."""

import hashlib
import time
import uuid

import pytest
import requests

from novalike.clients.glance import GlanceClient
from novalike.objects import errors
from tests.integration.cloud import configuration, needs_cloud, user_context

pytestmark = needs_cloud

DATA = bytes(range(256)) * 9000
BINARY = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def glance():
    return GlanceClient(configuration("glance", "glance"))


@pytest.fixture(scope="module")
def demo():
    return user_context("demo", "demo")


@pytest.fixture
def queued(glance, demo):
    """A private image of the demo project, without data."""
    rest = glance._rest
    body = {"name": "t", "disk_format": "raw", "container_format": "bare", "min_ram": 5, "hw_disk_bus": "virtio"}
    made = rest.request("POST", "/v2/images", user=demo, json=body).json()
    yield made
    assert rest.request("DELETE", f"/v2/images/{made['id']}", user=demo).status_code == 204


@pytest.fixture
def image(glance, demo, queued):
    """The same with data."""
    sent = glance._rest.request("PUT", queued["file"], user=demo, headers=BINARY, data=DATA)
    assert sent.status_code == 204
    return queued


def test_facts_and_data(glance, demo, image):
    found = glance.get(demo, image["id"])
    assert (found.status, found.size, found.min_ram, found.disk_format) == ("active", len(DATA), 5, "raw")
    assert found.properties["hw_disk_bus"] == "virtio"
    data = b"".join(glance.chunks(image["id"]))
    assert hashlib.new(found.os_hash_algo, data).hexdigest() == found.os_hash_value


@pytest.mark.parametrize(("size", "pause"), [(64 << 10, 0), (1 << 20, 0), (4 << 20, 0), (16 << 20, 0), (64 << 10, 5)])
def test_an_upload_in_chunks(glance, demo, queued, size, pause):
    """As volumes and snapshots come: nobody knows yet how long they will be, and a disk may keep one waiting."""
    parts = [bytes([number]) * size for number in range(3)]

    def read():
        for part in parts:
            yield part
            time.sleep(pause)

    url = f"{glance._rest._session.endpoint()}{queued['file']}"
    sent = requests.put(url, data=read(), headers=BINARY | {"X-Auth-Token": demo.auth_token}, timeout=120)
    assert (sent.status_code, sent.text) == (204, "")
    assert glance.get(demo, queued["id"]).size == 3 * size
    assert b"".join(glance.chunks(queued["id"])) == b"".join(parts)


def test_not_found(glance, demo):
    missing = str(uuid.uuid4())
    with pytest.raises(errors.ImageNotFound):
        glance.get(demo, missing)
    with pytest.raises(errors.ImageNotFound):
        list(glance.chunks(missing))
