"""A daemon that is configured wrongly says which option it is, and ends."""

import socket
import subprocess

import pytest

DAEMONS = ("api", "api-metadata", "scheduler", "conductor", "compute", "novncproxy")
WRONG = [
    ("api", "[api]\nworkers = many\n", "workers"),
    ("api", "[api]\nport = 99999\n", "port"),
    ("api-metadata", "[api_metadata]\nport = door\n", "port"),
    ("conductor", "[api_database]\nconnection = not a url\n", "connection"),
    ("conductor", "[conductor]\nworkers = -3\n", "workers"),
    ("conductor", "[quota]\ninstances = lots\n", "instances"),
    ("scheduler", "[filter_scheduler]\nenabled_filters = NoSuchFilter\n", "enabled_filters"),
    ("compute", "[DEFAULT]\ncompute_driver = nosuch\n", "compute_driver"),
    ("compute", "[DEFAULT]\ncpu_allocation_ratio = much\n", "cpu_allocation_ratio"),
    ("scheduler", "[DEFAULT]\nhost =\n", "host"),
    ("novncproxy", "[vnc]\nnovncproxy_port = quay\n", "novncproxy_port"),
]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def start(stack, tmp_path, daemon, wrong):
    """Start a daemon with the stack's files and one more; it must end by itself."""
    own = {"scheduler": "scheduler-1", "conductor": "conductor-1"}.get(daemon, daemon)
    extra = tmp_path / "wrong.conf"
    # not the names and ports of the daemons that run
    sections = ("[api]\nport", "[api_metadata]\nport", "[vnc]\nnovncproxy_port")
    ports = "".join(f"{each} = {free_port()}\n" for each in sections)
    extra.write_text(f"[DEFAULT]\nhost = badly-configured\n{ports}{wrong}")
    files = [f"{stack.etc}/novalike.conf", f"{stack.etc}/{own}.conf", str(extra)]
    return subprocess.run(
        [f"{stack.novalike_bin}/novalike-{daemon}", *(word for file in files for word in ("--config-file", file))],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize(("daemon", "wrong", "option"), WRONG)
def test_a_wrong_option(stack, tmp_path, daemon, wrong, option):
    ended = start(stack, tmp_path, daemon, wrong)
    assert ended.returncode not in (0, -9)
    assert option in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_wrong_option_of_all(stack, tmp_path, daemon):
    test_a_wrong_option(stack, tmp_path, daemon, "[DEFAULT]\ntransport_url = carrier-pigeon://loft\n", "transport_url")


def test_a_file_that_is_not_there(stack):
    ended = subprocess.run(
        [f"{stack.novalike_bin}/novalike-scheduler", "--config-file", "/no/such/novalike.conf"],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert ended.returncode not in (0, -9)
    assert "/no/such/novalike.conf" in ended.stderr


def test_no_other_daemon_gets_the_databases_address(stack):
    """Only the conductor's file names the databases."""
    for file in ("novalike.conf", "api.conf", "api-metadata.conf", "scheduler-1.conf", "compute.conf"):
        with open(f"{stack.etc}/{file}") as f:
            text = f.read()
        assert "database]" not in text, file
