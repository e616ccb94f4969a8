# shellcheck shell=bash
# Open vSwitch in user space (there is no kernel module to count on) and OVN on top of it.

vsctl() { OVS_RUNDIR=$RUN/ovs ovs-vsctl --db="unix:$RUN/ovs/db.sock" --timeout=20 "$@"; }

# The devices that the switch makes in this machine. They outlive it when it is killed, so ours are written down.
bridges() { echo br-int br-ex; ! several_hosts || echo br-phy; }
bridge_addresses() {
  local device
  for device in $(bridges) ovs-netdev; do echo "$device/address:$(cat "/sys/class/net/$device/address" 2>/dev/null)"; done |
    grep -v ':$' || true
}

# Somebody else's switch would be torn apart. But devices that no process holds are the remains of a dead one.
check_bridges() {
  local line device foreign=''
  for line in $(bridge_addresses); do
    ! grep -qxF "$line" "$DEST/bridges" 2>/dev/null || continue
    device=${line%%/*}
    if is_remains "$device"; then ip link delete "$device"; else foreign="$foreign $device"; fi
  done
  [ -z "$foreign" ] ||
    die "network devices are there already that aren't ours:$foreign (another stack with VIRT_DRIVER=libvirt?)"
}
is_remains() { [ -e "/sys/class/net/$1/tun_flags" ] && ! grep -qsE "^iff:[[:space:]]+$1$" /proc/[0-9]*/fdinfo/*; }

start_ovs() {
  mkdir -p "$RUN/ovs" "$RUN/ovn" "$DATA/ovs" "$DATA/ovn"
  ! several_hosts || make_host_networks
  local here="OVS_RUNDIR=\"$RUN/ovs\",OVN_RUNDIR=\"$RUN/ovn\",OVS_LOGDIR=\"$LOGS\",OVN_LOGDIR=\"$LOGS\""
  local quiet="-vconsole:warn -vfile:off -vsyslog:off"
  create_ovsdb ovs/conf /usr/share/openvswitch/vswitch.ovsschema
  create_ovsdb ovn/nb /usr/share/ovn/ovn-nb.ovsschema
  create_ovsdb ovn/sb /usr/share/ovn/ovn-sb.ovsschema
  program ovsdb "/usr/sbin/ovsdb-server $DATA/ovs/conf.db --remote=punix:$RUN/ovs/db.sock --remote=ptcp:$OVSDB_PORT:127.0.0.1 --unixctl=$RUN/ovs/ovsdb.ctl $quiet" \
    environment="$here" priority=10
  program ovn-nb "/usr/sbin/ovsdb-server $DATA/ovn/nb.db --remote=punix:$RUN/ovn/nb.sock --remote=ptcp:$OVN_NB_PORT:127.0.0.1 --unixctl=$RUN/ovn/nb.ctl $quiet" \
    environment="$here" priority=10
  program ovn-sb "/usr/sbin/ovsdb-server $DATA/ovn/sb.db --remote=punix:$RUN/ovn/sb.sock --remote=ptcp:$OVN_SB_PORT:127.0.0.1 --unixctl=$RUN/ovn/sb.ctl $quiet" \
    environment="$here" priority=10
  start_programs
  within 60 vsctl --no-wait init
  within 60 ovn-nbctl --db="tcp:127.0.0.1:$OVN_NB_PORT" --no-wait init
  within 60 ovn-sbctl --db="tcp:127.0.0.1:$OVN_SB_PORT" init
  # Without segmentation offload in the user space datapath TCP from a virtio guest leaves with bad checksums. It is
  # read when the switch starts. With it nothing that a guest sends gets through a tunnel: see hosts_programs.sh.
  vsctl --no-wait set Open_vSwitch . other_config:userspace-tso-enable="$(several_hosts && echo false || echo true)" \
    external_ids:system-id="$HOST_NAME" external_ids:hostname="$HOST_NAME" \
    external_ids:ovn-remote="tcp:127.0.0.1:$OVN_SB_PORT" external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip="$(tunnel_address)" \
    external_ids:ovn-bridge=br-int external_ids:ovn-bridge-datapath-type=netdev \
    external_ids:ovn-bridge-mappings=public:br-ex external_ids:ovn-cms-options=enable-chassis-as-gw
  program ovs-vswitchd "/usr/sbin/ovs-vswitchd unix:$RUN/ovs/db.sock --unixctl=$RUN/ovs/vswitchd.ctl $quiet" environment="$here" priority=15
  program ovn-northd "/usr/bin/ovn-northd --ovnnb-db=tcp:127.0.0.1:$OVN_NB_PORT --ovnsb-db=tcp:127.0.0.1:$OVN_SB_PORT --unixctl=$RUN/ovn/northd.ctl $quiet" \
    environment="$here" priority=15
  start_programs
  # shellcheck disable=SC2046
  make_bridges vsctl $(bridges)
  ! several_hosts || connect_main
  program ovn-controller "/usr/bin/ovn-controller unix:$RUN/ovs/db.sock $quiet" environment="$here" priority=20
  start_programs
  # This machine has the external network's first address, and so reaches floating ones.
  ip address replace "$(floating_gateway)/${FLOATING_RANGE#*/}" dev br-ex
  ip link set br-ex up
  bridge_addresses >"$DEST/bridges"
}

# make_bridges COMMAND BRIDGE...: COMMAND is ovs-vsctl. OVN's controller makes br-int "secure" when it isn't, and the switch
# forgets all flows when that changes, among them those that the controller has just set.
make_bridges() {
  local vsctl=$1 bridge mode; shift
  for bridge; do
    [ "$bridge" = br-int ] && mode=secure || mode=standalone
    $vsctl --may-exist add-br "$bridge" -- set Bridge "$bridge" datapath_type=netdev fail_mode=$mode
  done
}
create_ovsdb() { [ -f "$DATA/$1.db" ] || ovsdb-tool create "$DATA/$1.db" "$2"; }
floating_gateway() { python3 -c "import ipaddress; print(next(ipaddress.ip_network('$FLOATING_RANGE').hosts()))"; }

# The agent logs nothing but errors until the controller has registered its host.
chassis_registered() { [ -n "$(ovn-sbctl --db="tcp:127.0.0.1:$OVN_SB_PORT" --bare --columns=name find Chassis hostname="$1")" ]; }

# The taps of guests outlive both guest and switch. Called while the switch still knows them.
record_taps() { vsctl list-ports br-int 2>/dev/null | grep '^tap' >"$DEST/taps" || true; }

# Called when everything has stopped.
remove_bridges() {
  local line
  [ ! -f "$DEST/taps" ] || while read -r line; do ip link delete "$line" 2>/dev/null || true; done <"$DEST/taps"
  rm -f "$DEST/taps"
  for line in $(bridge_addresses); do
    if grep -qxF "$line" "$DEST/bridges" 2>/dev/null || is_remains "${line%%/*}"; then ip link delete "${line%%/*}" || true; fi
  done
  rm -f "$DEST/bridges"
}
remove_namespaces() {
  local name
  for name in $(ip netns list 2>/dev/null | awk '/^ovnmeta-/{print $1}'); do ip netns delete "$name" || true; done
}
