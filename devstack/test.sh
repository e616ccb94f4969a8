#!/bin/bash
# Runs the tests of novalike, on a machine where nothing is installed yet.
#
#   test.sh [lint] [types] [unit] [functional] [crash] [integration]      without arguments all of them, in this order
#
# The integration tests run against stacks that are brought up here, below TEST_DEST on ports of their own, one for
# each VIRT_DRIVER:DATABASE in STACKS; tests marked libvirt or fake run only where they fit. libvirt:mysql:2 is a stack with
# HOSTS=2, for the tests in tests/integration/hosts. Ends 1 when anything failed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export DEST=${TEST_DEST:-/var/lib/novalike-test} PORT_BASE=${TEST_PORT_BASE:-21000} VIRT_DRIVER=libvirt HOSTS=1
for file in "$here"/lib/*.sh; do . "$file"; done
: "${STACKS:=libvirt:mysql libvirt:mysql:2 fake:postgresql fake:sqlite}" "${COVERAGE:=85}"

read_settings
check_settings
set_ports
mkdir -p "$LOGS" "$CACHE" "$RUN" "$ETC" "$DATA"
: >"$LOGS/stack.log"
cd "$CHECKOUT"
TESTS=$DEST/venvs/tests
OUTPUTS=$(mktemp -d)
trap 'rm -rf "$OUTPUTS"' EXIT
results=() failures=()

prepare() {
  install_packages list_packages list_test_packages
  make_tools
  make_venv "$TESTS" "$(md5sum <pyproject.toml) $CHECKOUT" -e ".[test,mysql,postgresql,libvirt]"
}
# A browser to look at consoles with, and what makes a container for the units.
list_test_packages() {
  case " ${parts[*]} " in *" integration "*) echo chromium mmdebstrap systemd-container procps ;; esac
}

# check NAME COMMAND...: runs it whatever came before, and remembers how it went
check() {
  local name=$1 began; shift
  began=$(date +%s.%N)
  echo; echo "--- $name: $*"
  # Not a pipe: what a stack leaves running may hold its end open.
  if PATH=$TESTS/bin:$PATH "$@" > >(tee "$OUTPUTS/$name") 2>&1; then results+=("ok      $name ($(since "$began") s)")
  else results+=("FAILED  $name ($(since "$began") s)"); failures+=("$name"); fi
}

# Once more at the end, where it is seen even if only the end is kept.
show_failures() {
  local name
  for name in "${failures[@]}"; do echo; echo "=== the end of: $name"; tail -n 80 "$OUTPUTS/$name" | cut -c1-300; done
}

test_lint() {
  check "lint" ruff check .
  check "imports between rooms" lint-imports
  ! command -v shellcheck >/dev/null || check "shell" shellcheck -S warning -e SC1090,SC2034,SC2120 -x devstack/*.sh devstack/lib/*.sh devstack/image/build.sh
}
test_types() { ! grep -q '^\[tool.mypy\]' pyproject.toml || check "types" mypy novalike; }
test_unit() { [ ! -d tests/unit ] || check "unit" pytest -q -n 2 --dist loadfile --cov=novalike --cov-report= tests/unit; }
test_functional() {
  [ -d tests/functional ] || return 0
  # In one process: pytest-xdist's own threads don't get along with eventlet's patching.
  check "functional on eventlet" env NOVALIKE_CONCURRENCY=eventlet timeout 600 pytest -q -p no:xdist tests/functional
  check "functional on threading" env NOVALIKE_CONCURRENCY=threading \
    pytest -q -n 2 --dist loadfile --cov=novalike --cov-append --cov-report= tests/functional
  check "coverage" coverage report --skip-covered --fail-under="$COVERAGE"
}
# Three of a hundred of some twelve thousand trials; tox -e crash runs all, in an hour on two cores.
test_crash() {
  [ -d tests/crash ] || return 0
  check "crash trials" env NOVALIKE_CRASH_SHARE="${CRASH_SHARE:-0.03}" timeout 1500 pytest -q -n 2 --dist load tests/crash
}

test_integration() {
  local stack title what
  [ -d tests/integration ] || return 0
  for stack in $STACKS; do
    IFS=: read -r VIRT_DRIVER DATABASE HOSTS <<<"$stack"
    : "${HOSTS:=1}"
    export VIRT_DRIVER DATABASE HOSTS
    title="$VIRT_DRIVER, $DATABASE$([ "$HOSTS" = 1 ] || echo ", $HOSTS hosts")"
    case $VIRT_DRIVER:$HOSTS in
      libvirt:1) what=(-m "not fake" tests/integration) ;;
      libvirt:*) what=(tests/integration/hosts) ;;
      fake:*) what=(-m "not libvirt" tests/integration/user tests/integration/test_{query_plans,contention}.py); export FAKE_HOSTS=100 CONDUCTORS=2 SCHEDULERS=2 ;;
    esac
    fresh_stack "$title" || continue
    check "integration on $title" env NOVALIKE_STACK="$DEST/stack.json" NOVALIKE_GUEST_IMAGE="$(image_file)" \
      PATH="$TESTS/bin:$NEIGHBOURS/bin:$PATH" pytest -q "${what[@]}"
    "$here/unstack.sh"
  done
}
# The one that is there may be of another kind, or of an earlier run: its data goes, what was installed stays.
fresh_stack() { # fresh_stack TITLE
  [ ! -f "$DEST/settings" ] || "$here/clean.sh" --data
  mkdir -p "$LOGS"
  local options=()
  [ "$VIRT_DRIVER" != fake ] || options=(FAKE_HOSTS=100 CONDUCTORS=2 SCHEDULERS=2)
  check "stack on $1" env "${options[@]}" "$here/stack.sh"
  case ${results[-1]} in ok*) return 0 ;; esac
  show_logs >>"$OUTPUTS/stack on $1" 2>&1
  "$here/unstack.sh"
  return 1
}

# What a stack that did not come up was doing.
show_logs() {
  local log
  echo; echo "programs that don't run:"
  "$TOOLS/bin/supervisorctl" -c "$ETC/supervisord.conf" status | grep -v RUNNING || true
  for log in $(find "$LOGS" -name '*.log' -size +0 -mmin -2 | sort); do
    echo "--- the end of ${log##*/}"; tail -n 4 "$log"
  done
}

parts=("$@")
[ $# -gt 0 ] || parts=(lint types unit functional crash integration)
for part in "${parts[@]}"; do
  case $part in lint | types | unit | functional | crash | integration) ;; *) die "no tests called $part" ;; esac
done
step "What the tests need" prepare
for part in "${parts[@]}"; do "test_$part"; done
show_failures
echo
printf '%s\n' "${results[@]}"
echo "after $(since "$BEGAN") s"
[ ${#failures[@]} = 0 ]
