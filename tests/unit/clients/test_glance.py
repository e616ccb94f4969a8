import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.clients.glance import GlanceClient
from novalike.objects import errors
from tests.fakes.http import FakeSession, answer
from tests.fakes.records import context

SHOWN = {
    "id": "i1", "name": "cirros", "status": "active", "disk_format": "qcow2", "container_format": "bare",
    "size": 10, "virtual_size": None, "min_disk": 1, "min_ram": 64, "checksum": "c", "os_hash_algo": "sha512",
    "os_hash_value": "h", "owner": "p1", "visibility": "public", "hw_disk_bus": "virtio", "kernel_id": "k1",
    "tags": [], "self": "/v2/images/i1", "file": "/v2/images/i1/file", "schema": "/v2/schemas/image",
    "created_at": "2026-11-21T00:00:00Z", "updated_at": "2026-11-21T00:00:00Z", "protected": False,
    "os_hidden": False, "stores": "file",
}  # fmt: skip


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("num_retries", 0, group="glance")
    return conf


def client(conf, respond):
    session = FakeSession(respond)
    return GlanceClient(conf, session), session


def test_get_splits_facts_from_properties(conf):
    glance, _ = client(conf, lambda asked: answer(200, SHOWN))
    image = glance.get(context(), "i1")
    assert (image.name, image.min_disk, image.min_ram, image.size, image.virtual_size) == ("cirros", 1, 64, 10, None)
    assert image.properties == {"hw_disk_bus": "virtio", "kernel_id": "k1"}


def test_show_asks_as_the_service(conf):
    glance, session = client(conf, lambda asked: answer(200, SHOWN))
    assert (glance.show("i1").owner, glance.show("i1").visibility) == ("p1", "public")
    assert [asked.token for asked in session.asked] == [None, None]


@pytest.mark.parametrize("status", [403, 404])
def test_what_glance_hides_is_not_found(conf, status):
    glance, _ = client(conf, lambda asked: answer(status))
    with pytest.raises(errors.ImageNotFound):
        glance.get(context(), "i1")


def test_get_is_remembered_within_a_project_only(conf):
    glance, session = client(conf, lambda asked: answer(200, SHOWN))
    glance.get(context(), "i1")
    glance.get(context(), "i1")
    assert len(session.asked) == 1
    glance.get(context(project_id="other", auth_token="theirs"), "i1")
    assert [a.token for a in session.asked] == ["token", "theirs"]


def test_an_administrators_view_is_not_given_to_others(conf):
    glance, session = client(conf, lambda asked: answer(200, SHOWN))
    glance.get(context(roles=["admin"]), "i1")
    glance.get(context(roles=["member"]), "i1")
    assert len(session.asked) == 2


def test_no_caching_when_switched_off(conf):
    conf.set_override("image_cache_seconds", 0, group="api")
    glance, session = client(conf, lambda asked: answer(200, SHOWN))
    glance.get(context(), "i1")
    glance.get(context(), "i1")
    assert len(session.asked) == 2


@pytest.mark.parametrize("image_id", ["../../v2/tasks", "i1/file", "..", "", "a?b=c"])
def test_an_id_leads_nowhere_else(conf, image_id):
    glance, session = client(conf, lambda asked: answer(200, SHOWN))
    with pytest.raises(errors.ImageNotFound):
        glance.get(context(), image_id)
    assert session.asked == []


def test_chunks_are_the_data_as_stored(conf):
    data = b"x" * 3_000_000
    glance, session = client(conf, lambda asked: answer(200, data, headers={"Content-Length": str(len(data))}))
    assert b"".join(glance.chunks("i1")) == data
    assert session.asked[0].token is None


def test_a_truncated_stream_is_noticed(conf):
    glance, _ = client(conf, lambda asked: answer(200, b"x" * 10, headers={"Content-Length": "11"}))
    with pytest.raises(errors.Unavailable):
        list(glance.chunks("i1"))


@pytest.mark.parametrize("status", [204, 404])
def test_an_image_without_data_is_not_found(conf, status):
    glance, _ = client(conf, lambda asked: answer(status))
    with pytest.raises(errors.ImageNotFound):
        list(glance.chunks("i1"))
