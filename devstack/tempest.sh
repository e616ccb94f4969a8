#!/bin/bash
# Runs Tempest, OpenStack's acceptance tests of the Compute API, against a stack with fake hypervisors.
#
#   tempest.sh                  the tests that must pass: tests/tempest/passing.txt
#   tempest.sh --all            all of tempest.api.compute; which of them passed is written to DEST/tempest/passed.txt
#   tempest.sh REGEX            those whose name matches
#   tempest.sh FILE             those that a file lists
#
# The stack is brought up in TEMPEST_DEST with ports of its own and stopped afterwards; with KEEP=yes it goes on running,
# and the next run finds it. Ends 1 when a test failed, or when one of the list was skipped or is unknown.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export DEST=${TEMPEST_DEST:-/var/lib/novalike-tempest} PORT_BASE=${TEMPEST_PORT_BASE:-12000}
export VIRT_DRIVER=fake HOSTS=1 FIRST_SERVER=no
export ENABLED_FILTERS=${ENABLED_FILTERS:-ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,SameHostFilter,DifferentHostFilter}
: "${CONCURRENCY:=2}" "${KEEP:=no}"
for file in "$here"/lib/*.sh; do . "$file"; done
read_settings
set_ports
TEMPEST=$DEST/venvs/tempest WORK=$DEST/tempest LIST=$CHECKOUT/tests/tempest/passing.txt

openstack() { ( . "$here/openrc" admin; command openstack "$@" ); }
image_id() { openstack image list --name "$1" -f value -c ID | head -n 1; }

# Tests that compare two images want a second one.
make_second_image() {
  [ -n "$(image_id guest-alt)" ] ||
    openstack image create --disk-format qcow2 --container-format bare --public --min-disk 1 --min-ram 64 \
      --file "$(image_file)" guest-alt
}

# What novalike can't do yet is switched off, so that Tempest skips it.
configure_tempest() {
  mkdir -p "$WORK"
  [ -e "$WORK/.stestr.conf" ] || "$TEMPEST/bin/tempest" init --workspace-path "$WORK/workspaces.yaml" "$WORK"
  write "$WORK/etc/tempest.conf" <<CONFIGURATION
[DEFAULT]
log_file = $WORK/tempest.log
[oslo_concurrency]
lock_path = $WORK/locks
[auth]
use_dynamic_credentials = true
create_isolated_networks = false
admin_username = admin
admin_password = $ADMIN_PASSWORD
admin_project_name = admin
admin_domain_name = Default
tempest_roles = member
[identity]
auth_version = v3
uri_v3 = http://127.0.0.1:$KEYSTONE_PORT/v3
region = RegionOne
[identity-feature-enabled]
api_v2 = false
[service_available]
nova = true
glance = true
neutron = true
cinder = false
swift = false
horizon = false
[enforce_scope]
nova = true
keystone = true
[compute]
image_ref = $(image_id guest)
image_ref_alt = $(image_id guest-alt)
flavor_ref = 42
flavor_ref_alt = 84
min_compute_nodes = 2
build_timeout = 90
build_interval = 1
fixed_network_name = private
min_microversion = 2.1
max_microversion = latest
[compute-feature-enabled]
attach_encrypted_volume = false
block_migration_for_live_migration = false
can_migrate_between_any_hosts = true
change_password = false
cold_migration = true
config_drive = true
console_output = true
enable_instance_password = true
hostname_fqdn_sanitization = true
interface_attach = false
live_migration = false
metadata_service = true
pause = false
personality = false
rescue = false
resize = true
scheduler_enabled_filters = $ENABLED_FILTERS
serial_console = false
shelve = false
snapshot = false
spice_console = false
suspend = false
vnc_console = false
[network]
project_network_cidr = 10.100.0.0/16
public_network_id = $(openstack network show public -f value -c id)
floating_network_name = public
project_networks_reachable = false
[network-feature-enabled]
floating_ips = true
port_security = true
[placement]
max_microversion = latest
[validation]
run_validation = false
CONFIGURATION
}

prepare() {
  make_venv "$TEMPEST" 47.0.0 tempest==47.0.0
  make_second_image
  configure_tempest
}

# What is to be run, one full id per line.
choose() {
  cd "$WORK"
  case ${1:-} in
    '') grep '^tempest\.' "$LIST" ;;
    --all) list_tests | grep '^tempest\.api\.compute\.' ;;
    *) if [ -f "$1" ]; then grep '^tempest\.' "$1"; else list_tests | grep -E -- "$1"; fi ;;
  esac >"$WORK/chosen.txt" || die "no test matches ${1:-}"
}
list_tests() { "$TEMPEST/bin/stestr" list; }

# by RESULT: the names that had it, out of lines such as "{0} tempest.api.compute.X.test_y [1.2s] ... ok"
by() { sed -nE "s/^\{[0-9]+\} (\S+)( \[[0-9.s]+\])? \.\.\. $1(:.*)?\$/\1/p" "$WORK/run.log" | sort -u; }

summarize() {
  sed 's/\[.*//' "$WORK/chosen.txt" | sort -u >"$WORK/names.txt"
  by ok | comm -12 - "$WORK/names.txt" >"$WORK/ok.txt"
  # the ids of what passed, as a list to run again
  grep -E '^\S+$' "$WORK/chosen.txt" | awk -F'[' 'NR == FNR { ok[$1]; next } $1 in ok' "$WORK/ok.txt" - | sort -u >"$WORK/passed.txt"
  { by FAILED; sed -nE 's/^\{[0-9]+\} ((setUpClass|tearDownClass) \(\S+\)).* \.\.\. FAILED.*/\1/p' "$WORK/run.log"; } >"$WORK/failed.txt"
  comm -23 "$WORK/names.txt" <(cat "$WORK/ok.txt" "$WORK/failed.txt" | sort -u) >"$WORK/others.txt"
  [ ! -s "$WORK/failed.txt" ] || { echo "failed:"; sed 's/^/  /' "$WORK/failed.txt"; }
  echo "$(wc -l <"$WORK/names.txt") tests chosen: $(wc -l <"$WORK/ok.txt") passed, $(wc -l <"$WORK/failed.txt") failures," \
    "$(wc -l <"$WORK/others.txt") skipped or not run; the log is $WORK/run.log"
}

"$here/stack.sh"
[ "$KEEP" = yes ] || trap '"$here/unstack.sh"' EXIT
step "Tempest" prepare
choose "${1:-}"
began=$(date +%s.%N)
cd "$WORK"
"$TEMPEST/bin/tempest" run --workspace-path "$WORK/workspaces.yaml" --load-list "$WORK/chosen.txt" --concurrency "$CONCURRENCY" 2>&1 |
  tee "$WORK/run.log" || true
summarize
echo "after $(since "$began") s"
[ ! -s "$WORK/failed.txt" ] || exit 1
if [ $# = 0 ] && [ -s "$WORK/others.txt" ]; then
  echo "of the list, but not passed:"; sed 's/^/  /' "$WORK/others.txt"
  exit 1
fi
