"""oslo.messaging's options, as RabbitMQ's hosts are reached by them; and what a wrong one says."""

import ssl
from pathlib import Path
from typing import Any

import kombu
import pytest
from oslo_config import cfg
from oslo_messaging.conffixture import ConfFixture

from novalike import conf as configuration
from novalike.bus.connect import connect
from novalike.bus.rabbit import brokers, options
from novalike.bus.rabbit.brokers import Brokers


def configured(url: str, **driver: Any) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    configuration.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    ConfFixture(conf, url)  # registers what oslo.messaging registers with the process's own configuration only
    options.set_defaults(conf)
    for name, value in driver.items():
        conf.set_override(name, value, group=options.GROUP)
    return conf


def test_options_have_our_defaults_and_can_be_set() -> None:
    conf = configured("rabbit://")
    assert conf.oslo_messaging_rabbit.rabbit_interval_max == 1
    assert conf.oslo_messaging_rabbit.heartbeat_timeout_threshold == 30
    conf.set_override("rabbit_interval_max", 9, group=options.GROUP)
    options.set_defaults(conf)
    assert conf.oslo_messaging_rabbit.rabbit_interval_max == 9


def test_what_the_url_says_goes_before_the_configuration() -> None:
    conf = configured("rabbit://h/?ssl=1&heartbeat_timeout_threshold=7", heartbeat_timeout_threshold=9)
    found = options.driver_options(conf)
    assert (found.ssl, found.heartbeat_timeout_threshold, found.rabbit_quorum_queue) == (True, 7, False)


@pytest.mark.parametrize(
    ("url", "driver", "said"),
    [
        ("rabbit://h/?heartbeat_timeout_threshold=soon", {}, "transport_url: heartbeat_timeout_threshold=soon"),
        ("rabbit://h/?colour=red", {}, "has no option colour"),
        ("rabbit://h:port/", {}, "transport_url"),
        ("colour://h/", {}, "transport_url"),
        ("rabbit://h/", {"ssl": True, "ssl_ca_file": "/nowhere.pem"}, "ssl_ca_file: /nowhere.pem can't be read"),
        ("rabbit://h/", {"ssl": True, "ssl_version": "SSLv2"}, "ssl_version: there is no SSLv2 in this Python"),
    ],
)
def test_what_cannot_be_used_is_named(url: str, driver: dict[str, Any], said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        connect(configured(url, **driver))


class Reached(Exception):
    """A host was asked."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Nobody is there; what was asked of whom."""
    found: list[dict[str, Any]] = []

    class Broker(kombu.Connection):
        def __init__(self, hostname: str, **how: Any) -> None:
            super().__init__(hostname, **how)
            found.append({"host": self.host, **how})

        def ensure_connection(self, *args: Any, **how: Any) -> Any:
            raise ConnectionRefusedError("nobody")

    Broker.__name__ = "Connection"
    monkeypatch.setattr(brokers.kombu, "Connection", Broker)
    return found


def reach(conf: cfg.ConfigOpts, times: int) -> None:
    found = Brokers(conf)
    for _ in range(times):
        with pytest.raises(ConnectionError, match="no broker can be reached: nobody"):
            found.connect("test")


def test_each_host_is_tried_once(asked: list[dict[str, Any]]) -> None:
    reach(configured("rabbit://u:p@one:1,v:%2Fq@two:2,w:r@[::1]:3/vh"), 1)
    found = {each["host"]: (each["userid"], each["password"], each["virtual_host"]) for each in asked}
    assert found == {"one:1": ("u", "p", "vh"), "two:2": ("v", "/q", "vh"), "[::1]:3": ("w", "r", "vh")}


def test_the_next_one_is_asked_next_time(asked: list[dict[str, Any]]) -> None:
    reach(configured("rabbit://one,two,three"), 3)
    hosts = [each["host"] for each in asked]
    assert len(hosts) == 9
    assert hosts[:3] == hosts[3:6] == hosts[6:]
    assert len(set(hosts[:3])) == 3


def test_without_a_host_it_is_this_one(asked: list[dict[str, Any]]) -> None:
    reach(configured("rabbit://"), 1)
    assert [(each["host"], each["ssl"]) for each in asked] == [("localhost:5672", False)]


def test_each_host_has_to_have_a_certificate_of_its_own(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    reach(configured("rabbit://one,two", ssl=True, ssl_ca_file=str(ca), ssl_version="TLSv1_2"), 1)
    names = {each["ssl"]["server_hostname"] for each in asked}
    assert names == {"one", "two"}
    assert asked[0]["ssl"]["ca_certs"] == str(ca)
    assert asked[0]["ssl"]["cert_reqs"] is ssl.CERT_REQUIRED
    assert asked[0]["ssl"]["ssl_version"] is ssl.PROTOCOL_TLSv1_2
