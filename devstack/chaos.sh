#!/bin/bash
# Runs the chaos run (tests/chaos): clients at work while everything around them is killed, frozen and stopped.
#
#   chaos.sh [ARGUMENT...]      arguments go to python -m tests.chaos (--help shows them)
#
# CHAOS_TARGET=fake (20 fake hosts in 4 compute daemons; the default) or libvirt (real guests, two at a time; with
# HOSTS=2 on two compute hosts, so that servers are resized and migrated as well).
# CHAOS_SECONDS (900; on libvirt 300) and CHAOS_SEED (new in each run) say how long, and which faults.
# The stack is brought up in CHAOS_DEST with ports of its own and stopped afterwards; with KEEP=yes it goes on running,
# and the next run finds it. DATABASE=postgresql gives novalike another database than its neighbours have.
# The report is DEST/chaos-report.json. Ends 1 when something was stuck, leaked, lost, or answered wrongly.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0"; exit ;; esac
here=$(cd "$(dirname "$0")" && pwd)
: "${CHAOS_TARGET:=fake}" "${CHAOS_SEED:=$(date +%Y%m%d%H%M%S)}" "${KEEP:=no}"
export DEST=${CHAOS_DEST:-/var/lib/novalike-chaos} PORT_BASE=${CHAOS_PORT_BASE:-13000} FIRST_SERVER=no
export VIRT_DRIVER=$CHAOS_TARGET API_WORKERS=2 CONDUCTORS=2 CONDUCTOR_WORKERS=2 SCHEDULERS=2
for file in "$here"/lib/*.sh; do . "$file"; done
case $CHAOS_TARGET in
  # at least 200 faults and 2,000 operations in 15 minutes
  fake) export HOSTS=1 FAKE_HOSTS=20 FAKE_COMPUTES=4; : "${CHAOS_SECONDS:=900}"; per_minute=(14 134) options=() ;;
  # guests are emulated: few, and slow; one that is asked to shut down gets a minute
  libvirt) export HOSTS=${HOSTS:-1}; : "${CHAOS_SECONDS:=300}"; per_minute=(8 5) options=(--clients 2 --servers 1 --pace 2 --settle 150) ;;
  *) die "CHAOS_TARGET=$CHAOS_TARGET: fake or libvirt is wanted" ;;
esac
read_settings
TESTS=$DEST/venvs/tests

prepare() { make_venv "$TESTS" "$(md5sum <"$CHECKOUT/pyproject.toml") $CHECKOUT" -e "${CHECKOUT}[test,mysql,postgresql]"; }

"$here/stack.sh"
[ "$KEEP" = yes ] || trap '"$here/unstack.sh"' EXIT
step "What the chaos run needs" prepare
cd "$CHECKOUT"
"$TESTS/bin/python" -m tests.chaos --target "$CHAOS_TARGET" --where "$DEST" --seed "$CHAOS_SEED" --seconds "$CHAOS_SECONDS" \
  --faults $((CHAOS_SECONDS * per_minute[0] / 60)) --operations $((CHAOS_SECONDS * per_minute[1] / 60)) \
  --report "$DEST/chaos-report.json" "${options[@]}" "$@"
