# shellcheck shell=bash
# What runs in a compute host, all of it kept by supervisord: the switch, OVN's controller, libvirt, Neutron's metadata
# agent and novalike-compute. Programs are called after their host: hv1-libvirtd.

host_program() { # host_program HOST NAME COMMAND [OPTION=VALUE...]
  local host=$1 name=$2 command=$3; shift 3
  program "$host-$name" "$(entering "$host") $command" "$@"
}

# Each group of programs is started in all hosts, then waited for in all of them.
start_hosts() {
  local host
  make_hosts_folder
  make_emulator
  for host in $(host_names); do make_host "$host"; set_host_rules "$host"; done
  start_host_switches
  start_host_libvirts
  for host in $(host_names); do within 60 chassis_registered "$host"; done
}

start_host_switches() {
  local host quiet="-vconsole:warn -vfile:off -vsyslog:off"
  for host in $(host_names); do
    create_ovsdb "hosts/$host/ovs" /usr/share/openvswitch/vswitch.ovsschema
    host_program "$host" ovsdb "/usr/sbin/ovsdb-server $DATA/hosts/$host/ovs.db --remote=punix:/run/openvswitch/db.sock --remote=ptcp:$OVSDB_PORT:127.0.0.1 --unixctl=/run/openvswitch/ovsdb.ctl $quiet" \
      priority=10
  done
  start_programs
  for host in $(host_names); do
    within 60 in_host "$host" ovs-vsctl --timeout=20 --no-wait init
    # Without bridge mappings, and not a gateway: routers and floating addresses are the main machine's.
    in_host "$host" ovs-vsctl --timeout=20 --no-wait set Open_vSwitch . other_config:userspace-tso-enable=false \
      external_ids:system-id="$host" external_ids:hostname="$host" external_ids:ovn-remote="tcp:127.0.0.1:$OVN_SB_PORT" \
      external_ids:ovn-encap-type=geneve external_ids:ovn-encap-ip="$(host_address "$host" "$TUNNEL_RANGE")" \
      external_ids:ovn-bridge=br-int external_ids:ovn-bridge-datapath-type=netdev
    host_program "$host" ovs-vswitchd "/usr/sbin/ovs-vswitchd unix:/run/openvswitch/db.sock --unixctl=/run/openvswitch/vswitchd.ctl $quiet" priority=15
  done
  start_programs
  for host in $(host_names); do
    make_bridges "in_host $host ovs-vsctl --timeout=20" br-int br-phy
    in_host "$host" ovs-vsctl --timeout=20 --may-exist add-port br-phy eth1
    # a bridge that is in the database already may not be there yet
    within 20 in_host "$host" ip address replace "$(host_address "$host" "$TUNNEL_RANGE")/24" dev br-phy
    in_host "$host" ip link set br-phy up
    host_program "$host" ovn-controller "/usr/bin/ovn-controller unix:/run/openvswitch/db.sock $quiet" priority=20
  done
  start_programs
}

# A switch in user space drops packets on their way into a tunnel that want their checksums computed by hardware. So
# guests compute them. libvirt takes the first emulator in its PATH; the file's time is part of what it remembers of it.
EMULATOR=bin/qemu-system-x86_64            # below DATA/hosts
make_emulator() {
  write "$DATA/hosts/$EMULATOR" <<'EOF'
#!/bin/sh
exec /usr/bin/qemu-system-x86_64 -global virtio-net-device.csum=off -global virtio-net-device.gso=off "$@"
EOF
  [ -x "$DATA/hosts/$EMULATOR" ] || chmod 755 "$DATA/hosts/$EMULATOR"
}

start_host_libvirts() {
  local host start
  for host in $(host_names); do
    configure_host_libvirt "$host"
    start=$ETC/hosts/$host-libvirtd.sh
    # Guests' cgroups are made below that of their libvirtd.
    write "$start" <<EOF
for folder in $(cgroup_folders "$host" | xargs); do
  [ ! -d \$folder/daemons ] || folder=\$folder/daemons
  echo \$\$ >\$folder/cgroup.procs
done
exec $(entering "$host") /usr/sbin/libvirtd --listen
EOF
    host_program "$host" virtlogd /usr/sbin/virtlogd priority=10
    program "$host-libvirtd" "/bin/sh -e $start" priority=20 \
      files="$start $DATA/hosts/$host/libvirt/libvirtd.conf $DATA/hosts/$host/libvirt/qemu.conf" \
      environment="PATH=\"$DATA/hosts/${EMULATOR%/*}:/usr/sbin:/usr/bin:/sbin:/bin\""
  done
  start_programs
}
# libvirt asks QEMU what it can do before it answers for the first time. The steps between don't wait for that.
await_host_libvirts() {
  local host
  for host in $(host_names); do
    within 120 in_host "$host" virsh -q -c qemu:///system version
    in_host "$host" virsh -c qemu:///system domcapabilities --virttype qemu --machine pc
  done
}

# Migrations come over TCP, on the management network only: [libvirt] live_migration_uri has that by default, and my_ip for
# the address.
configure_host_libvirt() {
  local address; address=$(host_address "$1" "$MANAGEMENT_RANGE")
  write "$DATA/hosts/$1/libvirt/libvirtd.conf" <<EOF
host_uuid = "$(md5sum <<<"$DEST $1" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')"
listen_tls = 0
listen_tcp = 1
listen_addr = "$address"
auth_tcp = "none"
auth_unix_rw = "none"
EOF
  # QEMU in a namespace of its own would not be found by its host's name, and could not be moved
  write "$DATA/hosts/$1/libvirt/qemu.conf" <<EOF
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
migration_host = "$address"
EOF
}

# What compute.conf says for one host on this machine, and who and where this one is.
configure_host_computes() {
  local host address
  for host in $(host_names); do
    address=$(host_address "$host" "$MANAGEMENT_RANGE")
    write "$ETC/novalike/compute-$host.conf" <<EOF
[DEFAULT]
host = $host
my_ip = $address
[vnc]
server_listen = 0.0.0.0
server_proxyclient_address = $address
EOF
  done
}

start_host_computes() {
  local host file files
  wants compute || { forget_programs 'hv*-novalike-compute'; return; }
  DECLARED=()
  for host in $(host_names); do
    files="$ETC/novalike/novalike.conf $ETC/novalike/compute.conf $ETC/novalike/compute-$host.conf${NOVALIKE_EXTRA_CONF:+ $NOVALIKE_EXTRA_CONF}"
    host_program "$host" novalike-compute "$NOVALIKE/bin/novalike-compute --config-file ${files// / --config-file }" \
      files="$files $RUN/code-mark" priority=50 \
      environment="NOVALIKE_CONCURRENCY=\"$NOVALIKE_CONCURRENCY\",PATH=\"$NOVALIKE/bin:/usr/sbin:/usr/bin:/sbin:/bin\""
  done
  start_programs
}

# Ending a controller leaves its chassis behind, with tunnels to nowhere.
forget_chassis() {
  local host
  listening "$OVN_SB_PORT" || return 0
  for host in $(host_names); do
    ovn-sbctl --db="tcp:127.0.0.1:$OVN_SB_PORT" --timeout=10 --if-exists chassis-del "$host" \
      -- --if-exists destroy Chassis_Private "$host" || true
  done
}

# Before their guests go away: a compute service that still runs would report every one of them.
stop_hosts() {
  local host
  stop_programs 'hv*-novalike-compute'
  stop_programs 'hv*'
  forget_chassis
  for host in $(host_names); do end_host "$host"; done
}
stop_host_programs() { ! supervised || stop_programs "$1-*"; }
