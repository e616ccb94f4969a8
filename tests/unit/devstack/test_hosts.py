"""The shell of devstack that makes several compute hosts: its settings, names and addresses. Nothing is started."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

DEVSTACK = Path(__file__).parents[3] / "devstack"
LIBRARY = 'for file in "$DEVSTACK"/lib/*.sh; do . "$file"; done; read_settings; set_ports; '


def shell(command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with devstack's functions, and with these settings beside the defaults."""
    environment = {"PATH": os.environ["PATH"], "DEVSTACK": str(DEVSTACK), "DEST": "/nowhere/at-all"} | settings
    words = ["bash", "-euo", "pipefail", "-c", LIBRARY + command]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=30)


def said(command: str, **settings: str) -> str:
    ran = shell(command, **settings)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def refusal(command: str, **settings: str) -> str:
    ran = shell(command, **settings)
    assert ran.returncode == 1
    return ran.stderr.strip()


def test_one_host_is_this_machine() -> None:
    assert said("check_hosts; host_names; host_links; tunnel_address; bridges", HOSTS="1").split() == [
        "127.0.0.1", "br-int", "br-ex",
    ]  # fmt: skip


def test_several_hosts_have_names_addresses_and_links() -> None:
    assert said("check_hosts; host_names", HOSTS="3").split() == ["hv1", "hv2", "hv3"]
    addresses = 'main_address "$MANAGEMENT_RANGE"; for h in $(host_names); do host_address $h "$MANAGEMENT_RANGE"; done'
    assert said(addresses, HOSTS="2", MANAGEMENT_RANGE="192.168.7.0/24").split() == [
        "192.168.7.1", "192.168.7.11", "192.168.7.12",
    ]  # fmt: skip
    assert said("bridges; tunnel_address", HOSTS="2").split() == ["br-int", "br-ex", "br-phy", "10.78.0.1"]
    for link in said("host_links", HOSTS="9").split():
        assert len(link) <= 15, "Linux has no longer names for devices"


def test_hardware_addresses_are_a_stacks_own_and_stay() -> None:
    every = 'for link in $(host_links) hv1-eth0; do link_address "$link"; done'
    here, again = said(every, HOSTS="2").split(), said(every, HOSTS="2").split()
    elsewhere = said(every, HOSTS="2", DEST="/var/lib/novalike-other").split()
    assert here == again
    assert len({*here, *elsewhere}) == 2 * len(here)
    assert all(re.fullmatch("02(:[0-9a-f]{2}){5}", address) for address in here), "locally administered"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HOSTS": "0"}, "HOSTS=0: a number from 1 to 9 is wanted"),
        ({"HOSTS": "10"}, "HOSTS=10: a number from 1 to 9 is wanted"),
        ({"HOSTS": "two"}, "HOSTS=two: a number"),
        ({"HOSTS": "2", "VIRT_DRIVER": "fake"}, "several hosts run real guests"),
        ({"HOSTS": "2", "MANAGEMENT_RANGE": "10.77.0.0/16"}, "MANAGEMENT_RANGE=10.77.0.0/16: a range like"),
        ({"HOSTS": "2", "TUNNEL_RANGE": "10.78.0.5/24"}, "TUNNEL_RANGE=10.78.0.5/24: a range like"),
        ({"HOSTS": "2", "HOST_NAME": "hv2"}, "HOST_NAME=hv2: that is the name of one of the compute hosts"),
        ({"HOSTS": "2", "RABBIT_URL": "rabbit://a:b@elsewhere:5672/"}, "reach a RabbitMQ of this machine only"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(settings: dict[str, str], message: str) -> None:
    assert message in refusal("check_hosts", **settings)


def test_ranges_that_overlap_are_refused() -> None:
    check = "check_overlaps MANAGEMENT_RANGE TUNNEL_RANGE FLOATING_RANGE FIXED_RANGE"
    assert said(check, HOSTS="2") == ""
    assert refusal(check, HOSTS="2", FIXED_RANGE="10.64.0.0/10") == (
        "devstack: MANAGEMENT_RANGE=10.77.0.0/24 and FIXED_RANGE=10.64.0.0/10 overlap"
    )


def test_hosts_reach_the_services_and_the_broker_that_is_configured() -> None:
    own = said("service_ports", HOSTS="2", PORT_BASE="20000").split(",")
    assert own == ["25000", "28778", "29292", "29696", "28774", "28775", "26642", "25670"]
    another = said("service_ports", HOSTS="2", PORT_BASE="20000", RABBIT_URL="rabbit://a:b@127.0.0.1:5672/x").split(",")
    assert another == [*own[:-1], "5672"]


@pytest.mark.parametrize(
    ("had", "now", "refused"),
    [
        ("HOSTS=2", "2", False),
        ("HOSTS=1", "2", True),
        ("HOSTS=2", "1", True),
        ("", "1", False),
        ("", "2", True),
        ("HOSTS=2\nTUNNEL_RANGE=10.99.0.0/24", "2", True),
        ("HOSTS=1\nTUNNEL_RANGE=10.99.0.0/24", "1", False),
    ],
)
def test_the_number_of_hosts_cannot_change_under_a_living_cloud(
    tmp_path: Path, had: str, now: str, refused: bool
) -> None:
    """A record of a release before has no number: one host."""
    (tmp_path / "settings").write_text(f"VIRT_DRIVER=libvirt\nDATABASE=mysql\nPORT_BASE=20000\n{had}\n")
    if refused:
        assert "was made with VIRT_DRIVER=libvirt" in refusal("check_same_stack", HOSTS=now, DEST=str(tmp_path))
    else:
        said("check_same_stack", HOSTS=now, DEST=str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"HOSTS": "1", "HOST_NAME": "me"}, [("me", "127.0.0.1")]),
        ({"HOSTS": "2"}, [("hv1", "10.77.0.11"), ("hv2", "10.77.0.12")]),
        ({"HOSTS": "1", "VIRT_DRIVER": "fake"}, []),
    ],
)
def test_the_description_names_the_hosts(
    tmp_path: Path, settings: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    said("describe", DEST=str(tmp_path), **settings)
    hosts = json.loads((tmp_path / "stack.json").read_text())["hosts"]
    assert [(host["name"], host["address"]) for host in hosts] == expected
    assert all(host["execute"] for host in hosts)


def test_no_command_runs_in_a_host_that_is_not_there(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        environment = {"PATH": os.environ["PATH"], "DEST": str(tmp_path)}
        command = [DEVSTACK / "host.sh", *words]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        assert ran.returncode == 1
        return ran.stderr

    settings = tmp_path / "settings"
    settings.write_text("HOSTS=1\n")
    assert "hv1: the stack in" in run("hv1", "true")
    settings.write_text("HOSTS=2\n")
    assert "usage: host.sh NAME COMMAND" in run("hv1")
    assert "has hv1 hv2" in run("hv3", "true")
    assert "hv1 is not there" in run("hv1", "true")
