# shellcheck shell=bash
# HOSTS=2 and more: compute hosts hv1, hv2 ... on this machine, which is then controller and network gateway only. Each has
# network, mount, uts and cgroup namespaces of its own, bound to files below RUN, so that they outlive any process in them.

several_hosts() { [ "$HOSTS" -gt 1 ]; }
host_names() { ! several_hosts || seq -f 'hv%g' "$HOSTS"; }
is_host() { case " $(host_names | xargs) " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

check_hosts() {
  [[ $HOSTS =~ ^[1-9]$ ]] || die "HOSTS=$HOSTS: a number from 1 to 9 is wanted"
  several_hosts || return 0
  local name
  [ "$VIRT_DRIVER" = libvirt ] ||
    die "HOSTS=$HOSTS: several hosts run real guests, with VIRT_DRIVER=libvirt (for fake ones there is FAKE_HOSTS)"
  for name in MANAGEMENT_RANGE TUNNEL_RANGE; do
    [[ ${!name} =~ ^([0-9]{1,3}\.){3}0/24$ ]] || die "$name=${!name}: a range like 10.77.0.0/24 is wanted"
  done
  ! is_host "$HOST_NAME" || die "HOST_NAME=$HOST_NAME: that is the name of one of the compute hosts"
  [[ -z $RABBIT_URL || $RABBIT_URL =~ @(127\.0\.0\.1|localhost): ]] ||
    die "RABBIT_URL=$RABBIT_URL: compute hosts in namespaces reach a RabbitMQ of this machine only (127.0.0.1:PORT)"
}

# namespace_file HOST KIND (net, mnt, uts or cgroup)
namespace_file() { echo "$RUN/hosts/$1/$2"; }

# What a command begins with that runs in a host. It becomes the command itself, so its process number stays.
entering() {
  echo /usr/bin/nsenter --net="$(namespace_file "$1" net)" --uts="$(namespace_file "$1" uts)" \
    --cgroup="$(namespace_file "$1" cgroup)" --mount="$(namespace_file "$1" mnt)" --wdns="$RUN/here" --
}
host_command() { echo env -u OVS_RUNDIR -u OVN_RUNDIR PATH="$NOVALIKE/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$(entering "$1")"; }
in_host() { # in_host HOST COMMAND...
  local host=$1; shift
  # shellcheck disable=SC2046
  $(host_command "$host") "$@"
}

# A namespace of mounts can be bound to a file only where mounts are private.
make_hosts_folder() {
  mkdir -p "$RUN/hosts"
  mountpoint -q "$RUN/hosts" || mount --bind "$RUN/hosts" "$RUN/hosts"
  mount --make-private "$RUN/hosts"
}

make_host() {
  local host=$1 kind
  ! host_is_made "$host" || return 0
  unmake_host "$host"
  mkdir -p "$RUN/hosts/$host" "$DATA/hosts/$host"/{run,libvirt,novalike/instances,novalike/locks,neutron/locks} \
    "$DATA/hosts/$host"/{lib-libvirt,cache-libvirt,log-libvirt}
  for kind in net mnt uts cgroup; do touch "$(namespace_file "$host" "$kind")"; done
  make_cgroups "$host"
  list_names | write "$DATA/hosts/$host/hosts"
  chmod 644 "$DATA/hosts/$host/hosts"
  ( # its namespace of cgroups begins where this process is when it makes it
    enter_cgroups "$host"
    exec env DEST="$DEST" unshare --net="$(namespace_file "$host" net)" --uts="$(namespace_file "$host" uts)" \
      --cgroup="$(namespace_file "$host" cgroup)" --mount="$(namespace_file "$host" mnt)" --propagation slave \
      "$DEVSTACK/host.sh" --furnish "$host"
  )
  connect_host "$host"
  in_host "$host" touch /run/furnished
}
host_is_made() {
  local kind
  for kind in net mnt uts cgroup; do
    [ "$(stat -f -c %T "$(namespace_file "$1" "$kind")" 2>/dev/null)" = nsfs ] || return 1
  done
  in_host "$1" test -e /run/furnished
}

# The main machine's and all hosts' names: without them libvirt waits for name servers. (hosts(5))
list_names() {
  local host
  echo "127.0.0.1 localhost"
  echo "$(main_address "$MANAGEMENT_RANGE") $HOST_NAME"
  for host in $(host_names); do echo "$(host_address "$host" "$MANAGEMENT_RANGE") $host"; done
}

# Called in the new namespaces. What a host has for itself is mounted over the main machine's, so paths are the same.
furnish_host() {
  local host=$1 own=$DATA/hosts/$1
  hostname "$host"
  umount -R "$RUN/hosts"                 # other hosts' namespaces would be kept by this one
  remount_cgroups
  mount --bind "$own/hosts" /etc/hosts
  mount --bind "$own/libvirt" /etc/libvirt
  mount --bind "$own/lib-libvirt" /var/lib/libvirt
  mount --bind "$own/cache-libvirt" /var/cache/libvirt
  mount --bind "$own/log-libvirt" /var/log/libvirt
  mount --bind "$own/novalike" "$DATA/novalike"
  mount --bind "$own/neutron" "$DATA/neutron"
  mount -t tmpfs -o mode=755 run /run
  mkdir -p /run/lock /run/netns /run/openvswitch /run/ovn /run/libvirt
  ip link set lo up
}

# libvirt finds its cgroups by the list of mounts, so the main machine's must not be in it. Version 1 has a file system
# for each set of controllers; version 2 beside it, which then has none, is left out.
remount_cgroups() {
  local sets folder
  umount -R /sys/fs/cgroup
  mount -t sysfs sysfs /sys              # with the devices of this namespace
  sets=$(cut -d: -f2 /proc/self/cgroup | grep .) || { mount -t cgroup2 cgroup2 /sys/fs/cgroup; return; }
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for sets in $sets; do
    folder=/sys/fs/cgroup/${sets#name=}
    mkdir "$folder"
    case $sets in name=*) sets=none,$sets ;; esac
    mount -t cgroup -o "$sets" cgroup "$folder"
  done
}

# A host's folder in each hierarchy of cgroups of the main machine: one in version 2.
cgroup_folders() {
  local each
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo "/sys/fs/cgroup/devstack-$1"; return; fi
  for each in /sys/fs/cgroup/*/cgroup.procs; do echo "${each%/*}/devstack-$1"; done
}
make_cgroups() {
  local folder file
  for folder in $(cgroup_folders "$1"); do
    mkdir -p "$folder"
    # in version 2 a group that has processes can't limit groups below it
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || mkdir -p "$folder/daemons"
    # in version 1 a new group may use no processor
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "${folder%/*}/$file" ] || [ -n "$(cat "$folder/$file")" ] || cat "${folder%/*}/$file" >"$folder/$file"
    done
  done
}
enter_cgroups() { # this shell
  local folder
  for folder in $(cgroup_folders "$1"); do echo "$BASHPID" >"$folder/cgroup.procs"; done
}
remove_cgroup() { [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} +; }

# Whatever runs in a host, also in namespaces of networks or mounts below it (guests, the metadata agent's haproxy),
# has its name.
host_processes() {
  local folder name; name=$(namespace_file "$1" uts)
  for folder in /proc/[0-9]*; do [ ! "$folder/ns/uts" -ef "$name" ] || echo "${folder#/proc/}"; done
}
end_host() {
  local pids; pids=$(host_processes "$1")
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null || true
  within 10 no_process_in "$1" || host_processes "$1" | xargs -r kill -9 || true
  within 10 no_process_in "$1"
}
no_process_in() { [ -z "$(host_processes "$1")" ]; }

unmake_host() {
  local host=$1 each
  stop_host_programs "$host"
  end_host "$host"
  disconnect_host "$host"
  for each in "$RUN/hosts/$host"/*; do while umount "$each" 2>/dev/null; do :; done; done
  rm -rf "${RUN:?}/hosts/$host"
  for each in $(cgroup_folders "$host"); do within 10 remove_cgroup "$each"; done
}

# Called when everything else has stopped.
remove_hosts() {
  local host
  for host in $(host_names); do unmake_host "$host"; done
  remove_host_networks
  while umount "$RUN/hosts" 2>/dev/null; do :; done
}
