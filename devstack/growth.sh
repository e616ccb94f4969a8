#!/bin/bash
# Measures how novalike's costs grow (tests/benchmarks/growth): with 1,000, 10,000 and 100,000 servers in the database, and
# with 100, 1,000 and 10,000 fake hosts in a few processes. Takes 20 minutes to an hour.
#
#   growth.sh [ARGUMENT...]      arguments go to python -m tests.benchmarks.growth (--help shows them)
#
# The stack is brought up in GROWTH_DEST with ports of its own and stopped afterwards; with KEEP=yes it goes on running,
# and the next run finds it, with the servers that are in it. DATABASE=postgresql gives novalike another database.
# The results are growth-results.json, .md and .svg in the checkout, with those of the micro-benchmarks
# (micro-results.json) beside them. Ends 1 when something grows that must not.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0"; exit ;; esac
here=$(cd "$(dirname "$0")" && pwd)
: "${KEEP:=no}"
export DEST=${GROWTH_DEST:-/var/lib/novalike-growth} PORT_BASE=${GROWTH_PORT_BASE:-16000} FIRST_SERVER=no
export VIRT_DRIVER=fake HOSTS=1 FAKE_HOSTS=100 FAKE_COMPUTES=1
for file in "$here"/lib/*.sh; do . "$file"; done
read_settings
TESTS=$DEST/venvs/tests

prepare() {
  make_venv "$TESTS" "$(md5sum <"$CHECKOUT/pyproject.toml") $CHECKOUT" -e "${CHECKOUT}[test,bench,mysql,postgresql]"
}

"$here/stack.sh"
[ "$KEEP" = yes ] || trap '"$here/unstack.sh"' EXIT
step "What the benchmarks need" prepare
cd "$CHECKOUT"
"$TESTS/bin/python" -m tests.benchmarks.micro
"$TESTS/bin/python" -W ignore -m tests.benchmarks.growth --where "$DEST" "$@"
