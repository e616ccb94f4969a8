"""Pruning the image cache: what is unused and old goes; what is used, or not the cache's, stays."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fasteners import process_lock

from novalike.virt.driver import GuestFailed
from novalike.virt.images import inspection, pruning
from novalike.virt.images.cache import ImageCache
from novalike.virt.images.locks import Busy, ImageLocks
from novalike.virt.images.names import stem
from novalike.virt.native_threads import NativeThreads

MIB = 1024**2
RAW = b"\1" * MIB
DAY = 24 * 3600
ROOT = Path(__file__).parents[3]


@pytest.fixture
def cache(tmp_path, images):
    cache = ImageCache(tmp_path / "_base", images, NativeThreads(2))
    cache.prepare()
    return cache


def files(cache):
    """All that there is, also locks."""
    return sorted(str(path.relative_to(cache._folder)) for path in cache._folder.rglob("*") if not path.is_dir())


def age(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def nothing():
    return ()


def name(image):
    return f"{stem(image.id)}.raw"


def in_another_process(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NOVALIKE_CONCURRENCY": "threading"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_is_unused_goes_with_its_lock(cache, images):
    one, two = images.add(RAW), images.add(b"\2" * MIB)
    kernel = images.add(b"kernel", "aki", owner="me")
    cache.base(one, None)
    cache.base(two, None)
    cache.blob(kernel.id, "me")
    assert cache.prune(nothing, 60) == ()
    assert cache.prune(nothing, None) == ()
    removed = cache.prune(lambda: {name(two)}, 0)
    assert set(removed) == {name(one), f"{stem(kernel.id)}.blob"}
    assert files(cache) == sorted([name(two), f"locks/{stem(two.id)}"])


def test_the_age_counts_from_the_last_use(cache, images):
    image = images.add(RAW)
    path = cache.base(image, None).path
    age(path, 2 * DAY)
    cache.base(image, None)
    assert cache.prune(nothing, DAY) == ()
    age(path, 2 * DAY)
    assert cache.prune(lambda: {name(image)}, DAY) == ()  # seen in use, so used now
    assert cache.prune(nothing, DAY) == ()
    age(path, DAY - 60)
    assert cache.prune(nothing, DAY) == ()
    age(path, DAY + 60)
    assert cache.prune(nothing, DAY) == (name(image),)


def test_a_use_of_a_kernel_counts_as_well(cache, images):
    kernel = images.add(b"kernel", "aki", owner="me")
    age(cache.blob(kernel.id, "me"), 2 * DAY)
    cache.blob(kernel.id, "me")
    assert cache.prune(nothing, DAY) == ()


def test_an_image_that_took_long_to_look_at_was_used_just_now(cache, images, monkeypatch):
    inspect = inspection.inspect

    def slow(path, image):
        age(path, 2 * DAY)
        return inspect(path, image)

    monkeypatch.setattr(inspection, "inspect", slow)
    cache.base(images.add(RAW), None)
    assert cache.prune(nothing, DAY) == ()


def test_what_is_not_the_caches_is_left_alone(cache, images, tmp_path):
    outside = tmp_path / "outside.raw"
    outside.write_bytes(b"somebody's")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name(images.add(RAW))).write_bytes(b"somebody's")
    there = cache._folder
    digits = "0123456789abcdef0123456789abcdef01234567"
    for other in ("README", f"{digits}.raw.bak", f"{digits}.vmdk", f"{digits[1:]}.raw", f"{digits.upper()}.raw",
                  f"{digits}.part.qcow2", ".nfs0000", f"{digits}.raw\n", f"locks/{digits}.old"):  # fmt: skip
        (there / other).write_bytes(b"?")
    (there / f"{digits}.raw").symlink_to(outside)
    (there / f"{digits}.part").symlink_to(outside)
    (there / f"{digits}.blob").mkdir()
    (there / "more").symlink_to(tmp_path / "folder")
    (there / "locks" / digits[::-1]).symlink_to(outside)
    os.mkfifo(there / f"{digits[::-1]}.raw")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    assert cache.prune(nothing, 0) == ()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    image = images.add(RAW)
    cache.base(image, None)
    (there / f"{stem(image.id)}.blob").symlink_to(outside)
    age(outside, DAY)
    assert cache.prune(nothing, 0) == (name(image),)
    assert (there / f"{stem(image.id)}.blob").is_symlink()
    assert outside.read_bytes() == b"somebody's"


def test_what_interrupted_downloads_left_goes_when_nobody_downloads(cache, images):
    image, other = images.add(RAW), images.add(RAW)
    cache.base(images.add(b"\2" * MIB), None)
    whole = files(cache)
    for suffix in ("part", "part.raw"):
        (cache._folder / f"{stem(image.id)}.{suffix}").write_bytes(b"half")
    (cache._folder / "locks" / stem(other.id)).touch()
    with cache._locks.held(stem(image.id)):
        thread = threading.Thread(target=cache.prune, args=(nothing, None))
        thread.start()
        thread.join(10)
        assert len([name for name in files(cache) if "part" in name]) == 2
    assert cache.prune(nothing, None) == (f"{stem(image.id)}.part", f"{stem(image.id)}.part.raw")
    assert files(cache) == whole


HOLD = """
import sys
from pathlib import Path
from novalike.virt.images.locks import ImageLocks
with ImageLocks(Path(sys.argv[1])).held(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_download_of_another_process_is_left_alone(cache, images):
    image = images.add(RAW)
    age(cache.base(image, None).path, DAY)
    partial = cache._folder / f"{stem(image.id)}.part"
    partial.write_bytes(b"half")
    before = files(cache)
    with in_another_process(HOLD, cache._folder / "locks", stem(image.id)) as holder:
        assert holder.stdout.readline() == "held\n"
        assert cache.prune(nothing, 0) == ()
        cache.prepare()
        assert files(cache) == before
        holder.kill()
    assert set(cache.prune(nothing, 0)) == {partial.name, name(image)}
    assert files(cache) == []


def test_what_is_taken_during_a_pass_stays(cache, images):
    """By somebody who writes it down after the first look and before the locks are held."""
    image = images.add(RAW)
    age(cache.base(image, None).path, DAY)
    noted, looks = set(), []

    def in_use():
        looks.append(1)
        found = set(noted)
        if len(looks) == 1:
            cache.base(image, None, lambda base: noted.add(os.path.basename(base.path)))
            age(cache._folder / name(image), DAY)  # its age alone would not help
        return found

    assert cache.prune(in_use, 60) == ()
    assert len(looks) == 2
    assert images.downloads == 1


def test_what_was_taken_without_a_note_is_too_young(cache, images, monkeypatch):
    """As far as a pass can see: on a shared file system notes of other hosts may be seen late."""
    image = images.add(RAW)
    path = cache.base(image, None).path
    age(path, DAY)
    held, locked = cache._pruner._held, []

    def taken_first(stems):
        locked.append(stems)
        cache.base(image, None)
        return held(stems)

    monkeypatch.setattr(cache._pruner, "_held", taken_first)
    assert cache.prune(nothing, 60) == ()
    assert locked == [[stem(image.id)]]
    assert os.path.exists(path)


def test_who_is_too_late_for_the_old_file_fetches_a_new_one(cache, images):
    image = images.add(RAW)
    age(cache.base(image, None).path, DAY)
    looks, taken = [], []
    thread = threading.Thread(target=lambda: taken.append(cache.base(image, None)))

    def in_use():
        looks.append(1)
        if len(looks) == 2:  # it is about to go
            thread.start()
            time.sleep(0.1)
            assert not taken
        return ()

    assert cache.prune(in_use, 60) == (name(image),)
    thread.join(10)
    assert Path(taken[0].path).read_bytes() == RAW
    assert images.downloads == 2


BUILD = """
import sys, time
from pathlib import Path
from novalike.virt.images.cache import ImageCache
from novalike.virt.native_threads import NativeThreads
from tests.fakes.images import MemoryImages

images, folder, me = MemoryImages(), Path(sys.argv[1]), sys.argv[2]
cache = ImageCache(folder / "_base", images, NativeThreads(2))
shared = [images.add(bytes([n]) * 65536, id=f"image{n}") for n in range(2)]
note = folder / "notes" / me
for turn in range(int(sys.argv[3])):
    base = cache.base(shared[turn % 2], None, lambda base: note.write_text(Path(base.path).name))
    for _ in range(3):
        assert Path(base.path).read_bytes() == bytes([turn % 2]) * 65536, "not what was asked for"
        time.sleep(0.0005)
    note.unlink()
print(images.downloads)
"""


def test_builds_of_several_processes_during_many_passes(cache, tmp_path):
    """Each finds its image whole as long as it has written down that it uses it; without any minimum age."""
    (tmp_path / "notes").mkdir()
    removed = 0

    def in_use():
        used = set()
        for note in (tmp_path / "notes").iterdir():
            with contextlib.suppress(FileNotFoundError):
                used.add(note.read_text())
        return used

    builders = [in_another_process(BUILD, tmp_path, n, 60) for n in range(3)]
    while any(builder.poll() is None for builder in builders):
        removed += len(cache.prune(in_use, 0))
        time.sleep(0.001)
    downloads = [int(builder.communicate()[0] or -1) for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0, 0]
    assert removed > 3
    assert sum(downloads) - 2 <= removed <= sum(downloads)
    assert not [name for name in files(cache) if "part" in name]


CHURN = """
import os, sys, time
from pathlib import Path
from novalike.virt.images.locks import ImageLocks

folder = Path(sys.argv[1])
locks, alone = ImageLocks(folder), folder.parent / "alone"
for turn in range(int(sys.argv[2])):
    with locks.held("x"):
        os.close(os.open(alone, os.O_CREAT | os.O_EXCL))
        time.sleep(0.001)
        alone.unlink()
        if turn % 2:
            locks.remove("x")
"""


def test_a_lock_that_is_removed_still_has_one_holder(tmp_path):
    ImageLocks(tmp_path / "locks").prepare()
    others = [in_another_process(CHURN, tmp_path / "locks", 100) for _ in range(3)]
    for other in others:
        other.communicate()
    assert [other.returncode for other in others] == [0, 0, 0]


TRY = """
import sys
from pathlib import Path
from novalike.virt.images.locks import Busy, ImageLocks
try:
    with ImageLocks(Path(sys.argv[1])).held(sys.argv[2], blocking=False):
        print("free")
except Busy:
    print("busy")
"""


def test_a_lock_that_is_busy_is_not_lost_by_trying(tmp_path):
    """The system drops a process's lock when the process closes any descriptor of the file."""
    locks = ImageLocks(tmp_path)
    found = []

    def tries():
        with pytest.raises(Busy), locks.held("x", blocking=False):
            pass
        found.append("busy")

    with locks.held("x"):
        thread = threading.Thread(target=tries)
        thread.start()
        thread.join(10)
        assert found == ["busy"]
        with in_another_process(TRY, tmp_path, "x") as other:
            assert other.stdout.read() == "busy\n"
    with in_another_process(TRY, tmp_path, "x") as other:
        assert other.stdout.read() == "free\n"
    with in_another_process(HOLD, tmp_path, "x") as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy) as _kept, locks.held("x", blocking=False):
            pass
        opened = [os.path.realpath(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]
        assert str(tmp_path / "x") not in opened
        other.kill()


@pytest.mark.parametrize(("number", "waits"), [(116, True), (37, False)], ids=["ESTALE", "ENOLCK"])
def test_a_lock_that_another_host_has_removed(tmp_path, monkeypatch, number, waits):
    """On NFS."""
    real, fails = process_lock.InterProcessLock.trylock, [True]

    def trylock(lock):
        if fails:
            fails.clear()
            raise OSError(number, os.strerror(number))
        real(lock)

    monkeypatch.setattr(process_lock.InterProcessLock, "trylock", trylock)
    failing = contextlib.nullcontext() if waits else pytest.raises(OSError, match="No locks")
    with failing, ImageLocks(tmp_path).held("x"):
        assert waits


@pytest.mark.parametrize("look", [1, 2])
def test_when_it_can_not_be_told_what_is_in_use(cache, images, look):
    image = images.add(RAW)
    age(cache.base(image, None).path, DAY)
    (cache._folder / f"{'0' * 40}.part").write_bytes(b"half")
    looks = []

    def in_use():
        looks.append(1)
        if len(looks) == look:
            raise GuestFailed(reason="no idea")
        return ()

    with pytest.raises(GuestFailed, match="no idea"):
        cache.prune(in_use, 0)
    assert files(cache) == sorted([name(image), f"locks/{stem(image.id)}"])
    with cache._locks.held(stem(image.id), blocking=False):
        pass  # nothing is held on to


def test_a_file_that_can_not_be_removed_holds_up_no_other(cache, images, monkeypatch):
    stuck, other = images.add(RAW), images.add(b"\2" * MIB)
    for image in (stuck, other):
        age(cache.base(image, None).path, DAY)
    unlink = os.unlink

    def refuses(path):
        if path.name == name(stuck):
            raise PermissionError(1, "Operation not permitted")
        unlink(path)

    monkeypatch.setattr(os, "unlink", refuses)
    assert cache.prune(nothing, 0) == (name(other),)
    assert files(cache) == sorted([name(stuck), f"locks/{stem(stuck.id)}"])


def test_many_at_once(cache, images, monkeypatch):
    monkeypatch.setattr(pruning, "_AT_A_TIME", 2)
    made = [images.add(bytes([n]) * 512) for n in range(5)]
    for image in made:
        age(cache.base(image, None).path, DAY)
    assert set(cache.prune(nothing, 0)) == {name(image) for image in made}
    assert files(cache) == []


def test_a_cache_that_is_gone(cache):
    for folder in (cache._folder / "locks", cache._folder):
        folder.rmdir()
    with pytest.raises(GuestFailed, match="image cache"):
        cache.prune(nothing, 0)


def test_the_log_says_what_went_and_what_that_freed(cache, images, caplog):
    caplog.set_level(logging.INFO, pruning.LOG.name)
    image = images.add(RAW)
    cache.base(image, None)
    cache.prune(nothing, 0)
    (line,) = (record.getMessage() for record in caplog.records if record.name == pruning.LOG.name)
    assert name(image) in line
    assert "1.0 MiB freed" in line
