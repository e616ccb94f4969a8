#!/bin/bash
# Two releases at once: computes of one, conductors, schedulers and APIs of the other; then the other way round.
#
#   upgrade.sh [REVISION]      the other release, a revision of this repository (the default: UPGRADE_FROM below)
#
# Each time a stack with the fake hypervisor is brought up, its novalike-compute is replaced by that of the other
# checkout, and tests/upgrade boots, reboots and deletes servers. The stack is in UPGRADE_DEST, with ports of its own, and
# is stopped afterwards. Ends 1 when anything failed.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0"; exit ;; esac
here=$(cd "$(dirname "$0")" && pwd)
# The commit before messages named the version of their method: what an operator has who comes from there.
: "${UPGRADE_FROM:=a15efec1dcb5a293e8c8ad3c3336e354819f3b37}"
revision=${1:-$UPGRADE_FROM}
export DEST=${UPGRADE_DEST:-/var/lib/novalike-upgrade} PORT_BASE=${UPGRADE_PORT_BASE:-15000} FIRST_SERVER=no
export VIRT_DRIVER=fake HOSTS=1 FAKE_HOSTS=4 DATABASE=${DATABASE:-mysql} CONDUCTORS=2
for file in "$here"/lib/*.sh; do . "$file"; done
read_settings
OTHER=$DEST/checkouts/other TESTS=$DEST/venvs/tests

prepare() {
  rm -rf "$OTHER"
  mkdir -p "$OTHER"
  git -C "$CHECKOUT" archive "$revision" | tar -x -C "$OTHER"
  make_venv "$TESTS" "$(md5sum <"$CHECKOUT/pyproject.toml") $CHECKOUT" -e "${CHECKOUT}[test,mysql,postgresql]"
}

# replace_compute CHECKOUT: the stack's computes are started from there.
replace_compute() {
  local venv=$DEST/venvs/compute file=$ETC/programs/novalike-compute.conf
  make_venv "$venv" "$(md5sum <"$1/pyproject.toml") $1 $revision" -e "$1"
  [ "$(code_of "$venv")" != "$(code_of "$NOVALIKE")" ] || die "both are the code of $(code_of "$venv")"
  sed -i "s#$NOVALIKE/bin#$venv/bin#g" "$file"
  update_programs
  within 60 running novalike-compute
}
code_of() { (cd / && "$1/bin/python" -c 'import novalike; print(novalike.__file__)'); }
running() { ctl status "$1:*" | grep -q RUNNING; }

# mix CONTROLLERS COMPUTES TITLE: checkouts.
mix() {
  echo; echo "=== $3"
  [ ! -f "$DEST/settings" ] || "$here/clean.sh" --data
  mkdir -p "$LOGS"
  "$1/devstack/stack.sh"
  step "Computes of the other release" replace_compute "$2"
  (cd "$CHECKOUT" && NOVALIKE_STACK="$DEST/stack.json" PATH="$TESTS/bin:$NEIGHBOURS/bin:$PATH" \
    "$TESTS/bin/python" -m pytest -q tests/upgrade) || failed+=("$3")
  "$here/unstack.sh"
}

failed=()
mkdir -p "$DEST" "$LOGS" "$CACHE"
: >"$LOGS/stack.log"
step "Tools" make_tools
step "The other release: $revision" prepare
mix "$CHECKOUT" "$OTHER" "conductors, schedulers and APIs of this release, computes of the other"
mix "$OTHER" "$CHECKOUT" "conductors, schedulers and APIs of the other release, computes of this one"
echo
[ ${#failed[@]} = 0 ] || { printf 'FAILED  %s\n' "${failed[@]}"; exit 1; }
echo "Both ways round: ok, after $(since "$BEGAN") s"
