#!/bin/bash
# Races novalike against OpenStack Nova 34 (tests/benchmarks): both on the same Keystone, Glance, Neutron, MariaDB,
# RabbitMQ and memcached, each with ten fake hosts, and measured in turns in one run.
#
#   bench.sh [ARGUMENT...]      arguments go to python -m tests.benchmarks (--help shows them)
#
# The stack is brought up in BENCH_DEST with ports of its own and stopped afterwards; with KEEP=yes it goes on running,
# and the next run finds it, with the servers that are in it. The results are bench-results.json, .md, .svg and .png in
# the checkout. Ends 1 when a goal was missed.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0"; exit ;; esac
here=$(cd "$(dirname "$0")" && pwd)
: "${KEEP:=no}"
export DEST=${BENCH_DEST:-/var/lib/novalike-bench} PORT_BASE=${BENCH_PORT_BASE:-14000} FIRST_SERVER=no
# A process for each host, as on real machines.
export VIRT_DRIVER=fake HOSTS=1 FAKE_HOSTS=10 FAKE_COMPUTES=10 DATABASE=mysql MYSQL_URL='' RABBIT_URL=''
export API_WORKERS=2 METADATA_WORKERS=1 CONDUCTORS=1 CONDUCTOR_WORKERS=2 SCHEDULERS=1
export NOVALIKE_EXTRA_CONF=$DEST/etc/novalike/bench.conf
for file in "$here"/lib/*.sh; do . "$file"; done
read_settings
set_ports
set_nova_ports
TESTS=$DEST/venvs/tests

# The same as in Nova's configuration (lib/nova.sh).
write "$NOVALIKE_EXTRA_CONF" <<CONFIGURATION
[DEFAULT]
service_down_time = 86400
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
$PATIENCE
CONFIGURATION

list_bench_packages() { echo wrk; }
install() {
  install_packages list_bench_packages
  make_nova_venv
  make_venv "$TESTS" "$(md5sum <"$CHECKOUT/pyproject.toml") $CHECKOUT" -e "${CHECKOUT}[bench]"
}
prepare() {
  configure_nova
  create_nova_databases
  create_nova_vhost
  once "nova-schemas-$(nova_versions)" migrate_nova
  make_nova_accounts
}

"$here/stack.sh"
[ "$KEEP" = yes ] || trap '"$here/unstack.sh"' EXIT
step "wrk, Nova's and the tests' virtual environments" install
step "Nova's configuration, schemas and accounts" prepare
step "Nova" start_nova
step "Description in nova.json" describe_nova
cd "$CHECKOUT"
"$TESTS/bin/python" -m tests.benchmarks --where "$DEST" "$@"
