"""Interfaces on a real Open vSwitch, in a network namespace of its own with a switch of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.libvirt

# Run by sh in the namespace. os-vif looks for the database at its default place.
_SWITCH = """
ip link set lo up
ovsdb-tool create conf.db "$SCHEMA"
ovsdb-server conf.db --remote=punix:db.sock --remote=ptcp:6640:127.0.0.1 --unixctl="$PWD/db.ctl" -vconsole:off &
database=$!
until ovs-vsctl --db="unix:$PWD/db.sock" --no-wait --timeout=1 init; do sleep 0.1; done
ovs-vswitchd "unix:$PWD/db.sock" --unixctl="$PWD/vs.ctl" --pidfile="$PWD/vs.pid" -vconsole:off &
switch=$!
"$@"
result=$?
kill $switch $database
wait
exit $result
"""


@pytest.fixture(scope="session", autouse=True)
def _hypervisor() -> None:
    """None is needed here."""


def test_what_is_plugged_is_known_and_goes(tmp_path: Path) -> None:
    schema = Path("/usr/share/openvswitch/vswitch.ovsschema")
    if os.geteuid() != 0 or not shutil.which("ovs-vswitchd") or not schema.exists():
        pytest.skip("needs root and Open vSwitch")
    command = ["unshare", "-n", "sh", "-c", _SWITCH, "sh", sys.executable, "-W", "ignore", "-c", _CHILD]
    environment = os.environ | {"SCHEMA": str(schema), "OVS_RUNDIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


_CHILD = "from tests.integration.virt.test_switch import in_the_namespace; in_the_namespace()"


def in_the_namespace() -> None:
    """Two instances, of which one loses its record."""
    import uuid

    from novalike.objects.network import Vif
    from novalike.virt.vif.plugger import VifPlugger
    from tests.fakes import records

    def vif(**details: object) -> Vif:
        return Vif(
            port_id=str(uuid.uuid4()), network_id=str(uuid.uuid4()), network_name="n", mac="fa:16:3e:00:00:09",
            vif_type="ovs", mtu=1400, details={"bridge_name": "br-x", "datapath_type": "netdev", **details},
        )  # fmt: skip

    def devices() -> set[str]:
        return {path.name for path in Path("/proc/self/net/dev_snmp6").iterdir()} - {"lo", "ovs-netdev", "br-x"}

    plugger = VifPlugger("br-x")
    plugger.start()
    assert plugger.plugged() == []
    one, two = records.guest(), records.guest()
    for guest in (one, two):
        for details in ({"ovs_create_tap": True}, {"ovs_hybrid_plug": True}, {}):
            plugger.plug(guest, vif(**details))
    assert sorted(port.instance_uuid for port in plugger.plugged()) == sorted([one.uuid, two.uuid] * 3)
    assert {port.bridge for port in plugger.plugged()} == {"br-x"}
    assert len(devices()) == 2 * (1 + 3)
    again = VifPlugger("br-x")  # as after a restart
    for _ in range(2):
        again.unplug_all(one)
        assert {port.instance_uuid for port in again.plugged()} == {two.uuid}
    assert len(devices()) == 1 + 3
    again.unplug_all(two)
    assert again.plugged() == []
    assert devices() == set()
