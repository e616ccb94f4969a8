"""Images that aren't what they say: refused, in words that say why, and nothing stays behind."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.libvirt


@pytest.fixture
def upload(stack, demo_api, new_name):
    """Uploads an image; None when Glance itself refuses it."""
    made = []

    def upload(content: bytes, disk_format: str) -> str | None:
        body = {"name": new_name("image"), "disk_format": disk_format, "container_format": "bare"}
        image_id = demo_api.image.post("/v2/images", json=body).json()["id"]
        made.append(image_id)
        sent = demo_api.image.put(
            f"/v2/images/{image_id}/file", data=content, headers={"Content-Type": "application/octet-stream"}
        )
        if sent.status_code == 415:
            return None
        assert sent.status_code == 204, sent.text
        return image_id

    yield upload
    for image_id in made:
        demo_api.image.delete(f"/v2/images/{image_id}")


@pytest.fixture
def fault_of(demo_api, admin_api, new_name, server_life, nothing_is_left):
    """What a server of an image says that went wrong, after a look at what it left."""

    def fault_of(image_id: str) -> str:
        made = demo_api.create(demo_api.server_body(new_name("bad"), imageRef=image_id))
        assert made.status_code == 202, made.text
        server_id = made.json()["server"]["id"]
        server_life.append(server_id)

        def failed():
            server = demo_api.server(server_id)
            assert server["status"] != "ACTIVE", "it runs"
            return server if server["status"] == "ERROR" and not server["OS-EXT-STS:task_state"] else None

        server = wait_for(failed, "the server is in ERROR", 60)
        nothing_is_left(server_id)  # although it isn't deleted yet
        demo_api.delete(server_id)
        nothing_is_left(server_id)
        return server["fault"]["message"]

    return fault_of


def qcow2(folder: Path, *options: str, fill: bool = True) -> bytes:
    path = folder / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), "4M"], check=True)
    if fill:
        subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 2M", str(path)], check=True, capture_output=True)
    return path.read_bytes()


def test_qcow2_that_says_raw(upload, fault_of, tmp_path):
    image_id = upload(qcow2(tmp_path), "raw")
    if image_id:
        assert "says raw and contains qcow2" in fault_of(image_id)


def test_raw_that_says_qcow2(upload, fault_of):
    image_id = upload(b"\0" * (2 << 20), "qcow2")
    if image_id:
        assert "says qcow2" in fault_of(image_id)


@pytest.mark.parametrize("says", ["qcow2", "raw"])
def test_a_backing_file(upload, fault_of, tmp_path, says):
    image_id = upload(qcow2(tmp_path, "-b", "/etc/passwd", "-F", "raw", fill=False), says)
    if image_id:
        assert "backing file" in fault_of(image_id) or "contains qcow2" in fault_of(image_id)


def test_one_that_lost_its_end(upload, fault_of, tmp_path):
    whole = qcow2(tmp_path)
    image_id = upload(whole[: len(whole) // 2], "qcow2")
    assert image_id
    assert "not complete" in fault_of(image_id)


def test_one_that_was_changed_behind_glances_back(stack, upload, fault_of, tmp_path):
    """Whoever can write to the image store can't give guests the host's files."""
    image_id = upload(qcow2(tmp_path), "qcow2")
    assert image_id
    stored = Path(stack.data) / "glance" / "images" / image_id
    evil = qcow2(tmp_path, "-b", "/etc/passwd", "-F", "raw", fill=False)
    stored.write_bytes(evil.ljust(stored.stat().st_size, b"\0"))
    assert "hash" in fault_of(image_id) or "checksum" in fault_of(image_id)


def test_one_that_is_larger_than_the_flavor(upload, demo_api, tmp_path, new_name):
    path = tmp_path / "large.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "40G"], check=True)
    image_id = upload(path.read_bytes(), "qcow2")
    assert image_id
    refused = demo_api.create(demo_api.server_body(new_name("large"), imageRef=image_id))
    assert refused.status_code == 400
    assert "Flavor's disk is too small" in refused.json()["badRequest"]["message"]
