"""The cache of base images: verified, once, whole or not at all."""

import errno
import os
import shutil
import subprocess
import threading

import pytest

from novalike.objects.errors import ImageNotFound, Unavailable
from novalike.virt.driver import GuestFailed, ImageRejected
from novalike.virt.images import download
from novalike.virt.images.cache import ImageCache
from novalike.virt.images.names import stem
from novalike.virt.native_threads import NativeThreads

pytestmark = pytest.mark.skipif(not shutil.which("qemu-img"), reason="qemu-img is not installed")
MIB = 1024**2
RAW = b"\1" * MIB


@pytest.fixture
def cache(tmp_path, images):
    cache = ImageCache(tmp_path / "_base", images, NativeThreads(2))
    cache.prepare()
    return cache


def files(cache):
    return sorted(path.name for path in cache._folder.iterdir() if path.is_file())


def made(tmp_path, file_format, size="8M"):
    path = tmp_path / f"made.{file_format}"
    subprocess.run(["qemu-img", "create", "-q", "-f", file_format, path, size], check=True)
    return path.read_bytes()


def test_an_image_is_downloaded_once(cache, images):
    image = images.add(RAW)
    first, second = cache.base(image, None), cache.base(image, None)
    assert first == second
    assert images.downloads == 1
    assert files(cache) == [f"{stem(image.id)}.raw"]


def test_many_at_once_download_once(cache, images):
    image = images.add(RAW)
    threads = [threading.Thread(target=cache.base, args=(image, None)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert images.downloads == 1


def test_qcow2_stays_as_it_is(cache, images, tmp_path):
    base = cache.base(images.add(made(tmp_path, "qcow2"), "qcow2"), None)
    assert (base.format, base.virtual_size) == ("qcow2", 8 * MIB)


def test_other_formats_become_raw(cache, images, tmp_path):
    base = cache.base(images.add(made(tmp_path, "vdi"), "vdi"), None)
    assert (base.format, base.virtual_size) == ("raw", 8 * MIB)
    assert os.path.getsize(base.path) == 8 * MIB
    assert len(files(cache)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"os_hash_value": "0" * 128}, {"os_hash_algo": None, "os_hash_value": None, "checksum": "0" * 32},
     {"size": MIB - 1}, {"size": MIB + 1}, {"disk_format": "qcow2"}, {"disk_format": "ploop"},
     {"os_hash_algo": "rot13"}, {"container_format": "ova"}],
)  # fmt: skip
def test_what_is_not_as_recorded_leaves_nothing(cache, images, wrong):
    image = images.add(RAW, **wrong)
    with pytest.raises(ImageRejected, match=image.id):
        cache.base(image, None)
    assert files(cache) == []


def test_the_strongest_hash_counts(cache, images):
    assert cache.base(images.add(RAW, checksum="0" * 32), None).virtual_size == MIB


def test_a_disk_larger_than_the_flavors(cache, images, tmp_path):
    image = images.add(made(tmp_path, "qcow2"), "qcow2")
    with pytest.raises(ImageRejected, match="flavor"):
        cache.base(image, 4 * MIB)
    assert files(cache) == []
    assert cache.base(image, 8 * MIB)
    with pytest.raises(ImageRejected):  # and from the cache
        cache.base(image, 4 * MIB)


def test_an_image_that_is_gone(cache, images):
    image = images.add(RAW)
    images.contents.clear()
    with pytest.raises(ImageNotFound):
        cache.base(image, None)
    assert files(cache) == []


def test_a_stream_that_breaks(cache, images, monkeypatch):
    image = images.add(RAW)

    def broken(image_id):
        yield RAW[:1000]
        raise Unavailable(reason="gone")

    monkeypatch.setattr(images, "chunks", broken)
    with pytest.raises(Unavailable):
        cache.base(image, None)
    assert files(cache) == []


def test_a_full_disk(cache, images, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    image = images.add(RAW)
    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(GuestFailed, match="no space"):
        cache.base(image, None)
    assert files(cache) == []


def test_an_image_that_can_not_fit(cache, images):
    image = images.add(RAW, size=1 << 60)
    with pytest.raises(GuestFailed, match="no space"):
        cache.base(image, None)
    assert images.downloads == 0


def test_leftovers_of_a_crash_go(cache, images):
    image = images.add(RAW)
    leftover = cache._folder / f"{stem(image.id)}.part"
    leftover.write_bytes(b"half")
    cache.prepare()
    assert files(cache) == []
    leftover.write_bytes(b"half")
    assert cache.base(image, None).virtual_size == MIB
    assert files(cache) == [f"{stem(image.id)}.raw"]


def test_kernels_are_kept_too(cache, images):
    image = images.add(b"kernel", "aki", owner="me")
    path = cache.blob(image.id, "me")
    assert path.read_bytes() == b"kernel"
    assert cache.blob(image.id, "me") == path
    assert images.downloads == 1


def test_a_kernel_of_another_project(cache, images):
    image = images.add(b"kernel", "aki", owner="them", visibility="private")
    with pytest.raises(ImageRejected, match="not this project's"):
        cache.blob(image.id, "me")
    public = images.add(b"kernel", "aki", owner="them", visibility="public")
    assert cache.blob(public.id, "me")


def test_names_are_safe():
    assert stem("../../etc/passwd").isalnum()
    assert stem("a") != stem("b")


def test_a_file_of_another_hosts_cache(cache, images):
    image = images.add(RAW)
    name, copies = f"{stem(image.id)}.raw", []

    def copy(path):
        copies.append(path)
        path.write_bytes(RAW)

    for _ in range(2):
        assert cache.adopt(name, copy).read_bytes() == RAW
    assert len(copies) == 1
    assert files(cache) == [name]
    assert cache.base(image, None).virtual_size == MIB
    assert images.downloads == 0
    assert (cache._folder / name).stat().st_mode & 0o044


def test_a_file_that_can_not_be_had_from_another_host(cache):
    def fail(path):
        path.write_bytes(b"half of it")
        raise GuestFailed(reason="it broke")

    name = f"{stem('i')}.raw"
    with pytest.raises(GuestFailed, match="it broke"):
        cache.adopt(name, fail)
    assert files(cache) == []
    for wrong in ("../x.raw", "disk", "", f"{name}.part", "/etc/passwd"):
        with pytest.raises(GuestFailed, match="no name of a cached image"):
            cache.adopt(wrong, fail)
