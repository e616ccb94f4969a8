# shellcheck shell=bash
# Options, folders and the record of what a stack was made with.

DEVSTACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CHECKOUT=$(dirname "$DEVSTACK")

OPTIONS="VIRT_DRIVER HOSTS FAKE_HOSTS FAKE_COMPUTES DATABASE DEST PORT_BASE SERVICES API_WORKERS METADATA_WORKERS CONDUCTORS
  CONDUCTOR_WORKERS SCHEDULERS NOVALIKE_CONCURRENCY DEBUG HOST_NAME RABBIT_URL MYSQL_URL POSTGRESQL_URL
  ADMIN_PASSWORD DEMO_PASSWORD SERVICE_PASSWORD FLOATING_RANGE FIXED_RANGE MANAGEMENT_RANGE
  TUNNEL_RANGE FIRST_SERVER ENABLED_FILTERS NOVALIKE_EXTRA_CONF"

read_settings() {
  local name from_environment
  from_environment=$(for name in $OPTIONS; do [ -z "${!name+set}" ] || declare -p "$name"; done |
    sed 's/^declare -[^ ]* /declare -g /')
  # shellcheck source=/dev/null
  [ ! -f "$DEVSTACK/local.conf" ] || . "$DEVSTACK/local.conf"
  eval "$from_environment"

  : "${VIRT_DRIVER:=libvirt}" "${HOSTS:=1}" "${FAKE_HOSTS:=10}" "${FAKE_COMPUTES:=1}" "${DATABASE:=mysql}"
  : "${DEST:=/var/lib/novalike-devstack}" "${PORT_BASE:=20000}"
  : "${SERVICES:=api metadata scheduler conductor compute novncproxy}"
  : "${API_WORKERS:=2}" "${METADATA_WORKERS:=2}" "${CONDUCTORS:=1}" "${CONDUCTOR_WORKERS:=1}" "${SCHEDULERS:=1}"
  : "${NOVALIKE_CONCURRENCY:=eventlet}" "${DEBUG:=false}" "${HOST_NAME:=$(hostname -s)}"
  : "${RABBIT_URL:=}" "${MYSQL_URL:=}" "${POSTGRESQL_URL:=}"
  : "${ADMIN_PASSWORD:=secret}" "${DEMO_PASSWORD:=secret}" "${SERVICE_PASSWORD:=secret}"
  : "${FLOATING_RANGE:=172.24.4.0/24}" "${FIXED_RANGE:=10.1.0.0/20}" "${MANAGEMENT_RANGE:=10.77.0.0/24}" "${TUNNEL_RANGE:=10.78.0.0/24}"
  : "${FIRST_SERVER:=yes}" "${ENABLED_FILTERS:=}" "${NOVALIKE_EXTRA_CONF:=}"

  ETC=$DEST/etc RUN=$DEST/run LOGS=$DEST/logs DATA=$DEST/data CACHE=$DEST/cache
  TOOLS=$DEST/venvs/tools NEIGHBOURS=$DEST/venvs/neighbours NOVALIKE=$DEST/venvs/novalike
  export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=
  unset PYTHONDONTWRITEBYTECODE          # compiled once beats compiled at every start
}

check_settings() {
  expect_one_of VIRT_DRIVER libvirt fake
  expect_one_of DATABASE mysql postgresql sqlite
  expect_one_of NOVALIKE_CONCURRENCY eventlet threading
  expect_one_of FIRST_SERVER yes no
  local name
  for name in FAKE_HOSTS FAKE_COMPUTES PORT_BASE API_WORKERS METADATA_WORKERS CONDUCTORS CONDUCTOR_WORKERS SCHEDULERS; do
    [[ ${!name} =~ ^[0-9]+$ ]] || die "$name=${!name}: a number is wanted"
  done
  check_hosts
  [ "$FAKE_COMPUTES" -ge 1 ] && [ "$FAKE_COMPUTES" -le "$FAKE_HOSTS" ] ||
    die "FAKE_COMPUTES=$FAKE_COMPUTES: from 1 to FAKE_HOSTS is wanted"
  case $DEST in /?*/?*) ;; *) die "DEST=$DEST: an absolute path, at least two folders deep, is wanted" ;; esac
  [ "$(id -u)" = 0 ] || die "devstack must run as root: it installs packages and starts a hypervisor"
}

expect_one_of() {
  local name=$1 word; shift
  for word; do [ "${!name}" != "$word" ] || return 0; done
  die "$name=${!name}: one of $* is wanted"
}

# What can't change under a living cloud: its servers would lose their ports or their records.
check_same_stack() {
  [ -f "$DEST/settings" ] || return 0
  local had
  had=$(HOSTS=1; . "$DEST/settings"; kind_of_stack)
  [ "$had" = "$(kind_of_stack)" ] ||
    die "the stack in $DEST was made with $had. Run clean.sh --data first (it keeps what was installed), or choose another DEST."
}

kind_of_stack() {
  local ranges=''
  ! several_hosts || ranges=" MANAGEMENT_RANGE=$MANAGEMENT_RANGE TUNNEL_RANGE=$TUNNEL_RANGE"
  echo "VIRT_DRIVER=$VIRT_DRIVER DATABASE=$DATABASE PORT_BASE=$PORT_BASE HOSTS=$HOSTS$ranges"
}

record_settings() {
  local name
  for name in $OPTIONS; do printf '%s=%q\n' "$name" "${!name}"; done >"$DEST/settings"
  chmod 600 "$DEST/settings"
}

# For unstack.sh, clean.sh and openrc: what the stack in DEST was made with, not what it would be made with.
read_recorded_settings() {
  read_settings
  # shellcheck source=/dev/null
  [ ! -f "$DEST/settings" ] || . "$DEST/settings"
}

wants() { case " $SERVICES " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
