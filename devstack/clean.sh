#!/bin/bash
# Removes every trace of stack.sh: processes, guests, bridges, namespaces and everything below DEST. Debian packages
# stay. With --data only the cloud goes (databases, guests, networks); what was installed and built stays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for file in "$here"/lib/*.sh; do . "$file"; done

case ${1:-} in '' | --data) ;; *) die "usage: clean.sh [--data]" ;; esac
read_recorded_settings
set_ports
[ -d "$DEST" ] || { echo "nothing in $DEST"; exit 0; }
[ -e "$DEST/settings" ] || die "$DEST was not made by stack.sh"
if [ "$VIRT_DRIVER" = libvirt ] && ! several_hosts && command -v virsh >/dev/null && virsh -q -c qemu:///system version >/dev/null 2>&1; then
  stop_novalike
  remove_guests
fi
"$here/unstack.sh"
if [ "${1:-}" = --data ]; then
  rm -rf "$DATA" "$ETC" "$RUN" "$LOGS" "$DEST/settings" "$DEST/keys"
  mkdir -p "$ETC"
else
  close_kvm
  rm -rf "$DEST"
fi
echo "clean after $(since "$BEGAN") s"
