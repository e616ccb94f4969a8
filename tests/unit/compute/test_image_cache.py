"""When a compute process prunes its driver's image cache, and what it asks for."""

import threading
import time

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.compute import image_cache
from novalike.compute.image_cache import ImageCachePruner
from novalike.virt.driver import GuestFailed


class Caches:
    """A driver of which only the cache matters."""

    def __init__(self):
        self.ages = []
        self.error = None
        self.asked = threading.Event()

    def prune_image_cache(self, min_age):
        self.ages.append(min_age)
        self.asked.set()
        if self.error:
            raise self.error
        return ()


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    return conf


@pytest.fixture
def driver():
    return Caches()


@pytest.fixture
def pruner(conf, driver, monkeypatch):
    monkeypatch.setattr(image_cache, "_MINUTE", 0.05)
    pruner = ImageCachePruner(conf, driver)
    yield pruner
    pruner.stop()


@pytest.mark.parametrize(
    ("override", "age"),
    [({}, 86400), ({"remove_unused_base_images": False}, None),
     ({"remove_unused_original_minimum_age_seconds": 0}, 120),
     ({"remove_unused_original_minimum_age_seconds": 121}, 121)],
)  # fmt: skip
def test_what_the_options_say(conf, driver, pruner, override, age):
    for name, value in override.items():
        conf.set_override(name, value, group="image_cache")
    pruner.prune()
    assert driver.ages == [age]


@pytest.mark.parametrize("error", [GuestFailed(reason="full"), RuntimeError("bug")])
def test_a_pass_that_fails_is_not_the_last_one(conf, driver, pruner, error):
    conf.set_override("manager_interval", 0, group="image_cache")
    driver.error = error
    pruner.start()
    for _ in range(3):
        assert driver.asked.wait(10)
        driver.asked.clear()


def test_the_first_pass_is_soon_and_the_second_one_an_interval_later(conf, driver, pruner):
    assert conf.image_cache.manager_interval == 2400
    pruner.start()
    assert driver.asked.wait(10)
    time.sleep(0.3)
    assert len(driver.ages) == 1


def test_it_can_be_switched_off_and_on(conf, driver, pruner):
    conf.set_override("manager_interval", -1, group="image_cache")
    pruner.start()
    assert not driver.asked.wait(0.3)
    conf.set_override("manager_interval", 0, group="image_cache")
    assert driver.asked.wait(10)


def test_it_stops(conf, driver, pruner):
    conf.set_override("manager_interval", 0, group="image_cache")
    pruner.start()
    assert driver.asked.wait(10)
    pruner.stop()
    pruner._thread.join(10)
    assert not pruner._thread.is_alive()


def test_a_driver_without_a_cache(conf, monkeypatch):
    monkeypatch.setattr(image_cache, "_MINUTE", 0.01)
    pruner = ImageCachePruner(conf, object())
    pruner.start()
    pruner.prune()
    assert not pruner._thread.is_alive()
    pruner.stop()
