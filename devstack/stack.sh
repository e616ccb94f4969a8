#!/bin/bash
# Brings up a cloud on this machine: RabbitMQ, databases, Keystone, Placement, Glance, Neutron, libvirt and novalike,
# with a first server in it. Run again, it repairs and continues. Options: local.conf.sample.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for file in "$here"/lib/*.sh; do . "$file"; done

read_settings
check_settings
set_ports
check_same_stack
mkdir -p "$ETC" "$RUN" "$LOGS" "$DATA" "$CACHE"
chmod 755 "$DEST" "$DATA"
: >"$LOGS/stack.log"
exec 8>"$DEST/.lock"
flock -n 8 || die "another stack.sh or unstack.sh is at work on $DEST"
record_settings
trap end_background EXIT

libvirt() { [ "$VIRT_DRIVER" = libvirt ]; }
check_devices() { check_bridges; check_host_networks; }

configure() { configure_keystone; configure_placement; configure_glance; configure_neutron; configure_novalike; make_key; }

start_infrastructure() {
  start_rabbitmq
  start_memcached
  start_mariadb
  create_databases neighbours $NEIGHBOUR_DATABASES
  [ "$DATABASE" != postgresql ] || start_postgresql
  create_novalike_databases
}

migrate() {
  together migrate_keystone migrate_placement migrate_glance migrate_neutron
}
versions() { md5sum <"$here/neighbours.txt" | cut -c1-16; }

start_neighbours() {
  declare_keystone; declare_placement; declare_glance; declare_neutron
  ! libvirt || within 90 chassis_registered "$HOST_NAME"
  start_programs
  within 90 answering "$KEYSTONE_PORT" v3
}
await_neighbours() {
  within 120 answering "$PLACEMENT_PORT"
  within 120 answering "$GLANCE_PORT"
  within 120 answering "$NEUTRON_PORT"
  ! libvirt || { declare_metadata_agents; start_programs; }
}

bring_up_novalike() {
  wait_for_rabbitmq
  migrate_novalike
  start_novalike
  ! several_hosts || start_host_computes
  ! has_daemon api || ! wants api || within 60 answering "$COMPUTE_PORT"
}

show_first_server() {
  . "$here/openrc" demo
  openstack server show first
  if libvirt; then
    echo "--- the end of its console:"
    openstack console log show --lines 12 first
    ! wants novncproxy || echo "--- its screen: $(openstack console url show --novnc -f value -c url first)"
  fi
}

fill_compute() {
  cloud flavors
  ! wants compute || ! has_daemon compute || cloud hosts
  ! has_daemon manage || manage cell_v2 discover_hosts
}

echo "novalike devstack: VIRT_DRIVER=$VIRT_DRIVER DATABASE=$DATABASE$(! several_hosts || echo " HOSTS=$HOSTS") in $DEST"
step "Debian packages" install_packages
step "Ports are free, or ours" check_ports
step "Tools (uv, supervisor)" make_tools
background neighbours make_neighbours_venv
background novalike make_novalike_venv
background image build_image
background novnc unpack_novnc
step "Process supervisor" start_supervisor
! libvirt || step "Bridges$(! several_hosts || echo ', networks') are free, or ours" check_devices
step "Configuration" configure
step "MariaDB, RabbitMQ, memcached$([ "$DATABASE" != postgresql ] || echo ', PostgreSQL')" start_infrastructure
! libvirt || step "Open vSwitch and OVN" start_ovs
if several_hosts; then step "Compute hosts $(host_names | paste -sd' ')" start_hosts; background libvirt await_host_libvirts
elif libvirt; then step "libvirt" start_libvirt; background libvirt warm_libvirt; fi
join "The neighbours' virtual environment" neighbours
step "The neighbours' schemas" once "schemas-$(versions)" migrate
step "Keystone" start_neighbours
step "Accounts and catalog" cloud accounts
step "Placement, Glance, Neutron" await_neighbours
join "novalike's virtual environment" novalike
join "Guest image, noVNC$(! libvirt || echo ', what QEMU can do')" image novnc libvirt
step "novalike" bring_up_novalike
step "Image, networks, security group" cloud contents
step "Description in stack.json" describe
[ ! -s "$RUN/skipped-daemons" ] || echo "not in this checkout, so not started: $(xargs <"$RUN/skipped-daemons")"
if wants api; then step "Flavors, key pair, compute hosts" fill_compute; fi
if wants api && wants scheduler && wants conductor && wants compute && [ "$FIRST_SERVER" = yes ]; then
  step "The first server" cloud server
  show_first_server
fi
echo "Ready after $(since "$BEGAN") s. source devstack/openrc admin|demo; logs are in $LOGS"
