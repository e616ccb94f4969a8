# shellcheck shell=bash
# libvirt: the machine's own when one is running, otherwise one under our supervisor.

start_libvirt() {
  mkdir -p /run/lock
  open_kvm
  if [ ! -e "$ETC/programs/libvirtd.conf" ] && virsh -q -c qemu:///system version; then
    echo "a libvirtd is running here already: using it"
    remove_remains
    return 0
  fi
  # libvirt calls ovs-vsctl without saying where the switch is
  program virtlogd /usr/sbin/virtlogd priority=10
  program libvirtd /usr/sbin/libvirtd priority=20 environment="OVS_RUNDIR=\"$RUN/ovs\""
  start_programs
  within 120 virsh -q -c qemu:///system version
  remove_remains
}

# Guests of an earlier stack, whose data went while no libvirtd was running: their names would be in the way.
remove_remains() {
  local guest disk
  for guest in $(list_guests --all); do
    for disk in $(virsh -q -c qemu:///system domblklist --details "$guest" | awk '$2 == "disk" { print $4 }'); do
      [ -e "$disk" ] || undefine_guest "$guest"
      break
    done
  done
}
undefine_guest() { virsh -q -c qemu:///system undefine --managed-save --snapshots-metadata --nvram "$1" || true; }

# What udev does where it runs. A /dev/kvm that libvirt may open and its guests may not makes libvirt throw away what it
# knows of QEMU before every answer: more than a minute for the start of one guest.
open_kvm() {
  [ -c /dev/kvm ] && [ "$(stat -c %a:%G /dev/kvm)" = 600:root ] || return 0
  chgrp kvm /dev/kvm
  chmod 660 /dev/kvm
  touch "$DEST/opened-kvm"
}
close_kvm() {
  [ -e "$DEST/opened-kvm" ] || return 0
  chmod 600 /dev/kvm
  chgrp root /dev/kvm
}

# The first question of what QEMU can do takes seconds; then it is cached.
warm_libvirt() { virsh -c qemu:///system domcapabilities --virttype qemu --machine pc; }

# Guests whose disks are below DEST are novalike's.
list_guests() { # list_guests [--all]
  local guest description
  for guest in $(virsh -q -c qemu:///system list --uuid "$@"); do
    description=$(virsh -q -c qemu:///system dumpxml "$guest") || continue
    case $description in *"'$DEST/"*) echo "$guest" ;; esac
  done
}
stop_guests() {
  local guest
  for guest in $(list_guests); do virsh -q -c qemu:///system destroy "$guest" || true; done
}
remove_guests() {
  local guest
  stop_guests
  for guest in $(list_guests --all); do
    undefine_guest "$guest"
  done
}
