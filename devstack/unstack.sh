#!/bin/bash
# Stops what stack.sh started, and nothing else. What is in the cloud stays for the next stack.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for file in "$here"/lib/*.sh; do . "$file"; done

read_recorded_settings
set_ports
[ -d "$DEST" ] || { echo "nothing in $DEST"; exit 0; }
exec 8>"$DEST/.lock"
flock -n 8 || die "another stack.sh or unstack.sh is at work on $DEST"

stop_novalike
if several_hosts; then
  stop_hosts
elif [ "$VIRT_DRIVER" = libvirt ] && command -v virsh >/dev/null; then
  stop_guests
  record_taps
fi
stop_supervisor
! several_hosts || remove_hosts
if [ "$VIRT_DRIVER" = libvirt ]; then
  remove_bridges
  remove_namespaces
fi
echo "stopped after $(since "$BEGAN") s"
