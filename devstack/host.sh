#!/bin/bash
# Runs a command in one of the compute hosts of a stack with HOSTS=2 or more.
#
#   host.sh NAME COMMAND [ARGUMENT...]      host.sh hv1 virsh list
#
# The command sees the host's network, files, name and cgroups. Processes are those of the whole machine: a host's own
# are listed by its name, and kept by supervisord (hv1-libvirtd, hv1-novalike-compute ...).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for file in "$here"/lib/*.sh; do . "$file"; done
read_recorded_settings
set_ports
[ "${1:-}" != --furnish ] || { furnish_host "$2"; exit; }    # stack.sh's, in new namespaces
[ $# -ge 2 ] || die "usage: host.sh NAME COMMAND [ARGUMENT...]"
is_host "$1" || die "$1: the stack in $DEST has $(several_hosts && host_names | xargs || echo 'no hosts of their own (HOSTS=1)')"
host_is_made "$1" || die "$1 is not there: the stack in $DEST is stopped, or never came up"
# shellcheck disable=SC2046
exec $(host_command "$1") "${@:2}"
