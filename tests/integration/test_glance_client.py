"""Our client against a real Glance, with a throw-away image."""

import hashlib
import uuid

import pytest

from novalike.clients.glance import GlanceClient
from novalike.objects import errors
from tests.integration.cloud import configuration, needs_cloud, user_context

pytestmark = needs_cloud

DATA = bytes(range(256)) * 9000


@pytest.fixture(scope="module")
def glance():
    return GlanceClient(configuration("glance", "glance"))


@pytest.fixture(scope="module")
def demo():
    return user_context("demo", "demo")


@pytest.fixture
def image(glance, demo):
    """A private image of the demo project."""
    rest = glance._rest
    body = {"name": "t", "disk_format": "raw", "container_format": "bare", "min_ram": 5, "hw_disk_bus": "virtio"}
    made = rest.request("POST", "/v2/images", user=demo, json=body).json()
    headers = {"Content-Type": "application/octet-stream"}
    sent = rest.request("PUT", made["file"], user=demo, headers=headers, data=DATA)
    assert sent.status_code == 204
    yield made
    assert rest.request("DELETE", f"/v2/images/{made['id']}", user=demo).status_code == 204


def test_facts_and_data(glance, demo, image):
    found = glance.get(demo, image["id"])
    assert (found.status, found.size, found.min_ram, found.disk_format) == ("active", len(DATA), 5, "raw")
    assert found.properties["hw_disk_bus"] == "virtio"
    data = b"".join(glance.chunks(image["id"]))
    assert hashlib.new(found.os_hash_algo, data).hexdigest() == found.os_hash_value


def test_not_found(glance, demo):
    missing = str(uuid.uuid4())
    with pytest.raises(errors.ImageNotFound):
        glance.get(demo, missing)
    with pytest.raises(errors.ImageNotFound):
        list(glance.chunks(missing))
