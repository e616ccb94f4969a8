"""What the conductor tells the metadata service of a guest, and what it lets a guest say."""

from collections.abc import Iterator

import pytest

from novalike.bus.metadata import MetadataCommands, MetadataReads
from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.functional.harness import ADMIN_PROJECT, DEMO_PROJECT, Cloud

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def server_id(cloud: Cloud) -> Iterator[str]:
    body = cloud.server_body("guest", adminPass="secret", metadata={"a": "b"})
    made = str(cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"])
    cloud.demo.wait_for(made, "ACTIVE")
    yield made
    cloud.demo.request("DELETE", f"/servers/{made}")


@pytest.fixture
def reads(cloud: Cloud) -> MetadataReads:
    return cloud.bus.transport().client(MetadataReads)


@pytest.fixture
def commands(cloud: Cloud) -> MetadataCommands:
    return cloud.bus.transport().client(MetadataCommands)


def test_a_guest_is_told_of_itself_but_no_password(reads: MetadataReads, server_id: str) -> None:
    spec = reads.get_spec(admin_context(), server_id=server_id, project_id=DEMO_PROJECT)
    assert (spec.server.uuid, spec.server.metadata) == (server_id, {"a": "b"})
    assert spec.admin_password is None


def test_others_are_told_nothing(cloud: Cloud, reads: MetadataReads, server_id: str) -> None:
    for uuid, project in ((server_id, ADMIN_PROJECT), (NOBODY, DEMO_PROJECT)):
        with pytest.raises(errors.InstanceNotFound):
            reads.get_spec(admin_context(), server_id=uuid, project_id=project)
    cloud.demo.delete(f"/servers/{server_id}")
    cloud.demo.wait_gone(server_id)
    with pytest.raises(errors.InstanceNotFound):
        reads.get_spec(admin_context(), server_id=server_id, project_id=DEMO_PROJECT)


def test_a_guest_may_say_its_password_once(
    cloud: Cloud, reads: MetadataReads, commands: MetadataCommands, server_id: str
) -> None:
    password = "".join(chr(ord("a") + n % 26) for n in range(600))

    def say(text: str, project: str = DEMO_PROJECT, uuid: str = server_id) -> None:
        commands.set_password(admin_context(), server_id=uuid, project_id=project, password=text)

    with pytest.raises(errors.Invalid):
        say("x" * 1021)
    for uuid, project in ((server_id, ADMIN_PROJECT), (NOBODY, DEMO_PROJECT)):
        with pytest.raises(errors.InstanceNotFound):
            say(password, project, uuid)
    say(password)
    spec = reads.get_spec(admin_context(), server_id=server_id, project_id=DEMO_PROJECT)
    kept = spec.server.system_metadata
    assert "".join(kept[f"password_{n}"] for n in range(4)) == password
    with pytest.raises(errors.Conflict):
        say("another")


def test_a_password_may_be_as_long_as_four_pieces(
    reads: MetadataReads, commands: MetadataCommands, server_id: str
) -> None:
    commands.set_password(admin_context(), server_id=server_id, project_id=DEMO_PROJECT, password="x" * 1020)
    spec = reads.get_spec(admin_context(), server_id=server_id, project_id=DEMO_PROJECT)
    assert "".join(spec.server.system_metadata[f"password_{n}"] for n in range(4)) == "x" * 1020
