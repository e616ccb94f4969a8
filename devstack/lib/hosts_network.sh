# shellcheck shell=bash
# Two networks between the main machine and the compute hosts: one for management (eth0 in a host: services, libvirt,
# consoles), one for tunnels (eth1, which belongs to the host's switch).

MANAGEMENT_BRIDGE=devstack-mgmt TUNNEL_BRIDGE=devstack-tun
MAIN_TUNNEL=devstack-tun0 MAIN_TUNNEL_PEER=devstack-tun1   # the main machine's cable: the first end is in the bridge

main_address() { echo "${1%.0/24}.1"; }                    # main_address RANGE
host_address() { echo "${2%.0/24}.$((10 + ${1#hv}))"; }    # host_address HOST RANGE

host_links() {
  several_hosts || return 0
  echo "$MANAGEMENT_BRIDGE" "$TUNNEL_BRIDGE" "$MAIN_TUNNEL" "$MAIN_TUNNEL_PEER"
  local host
  for host in $(host_names); do echo "$host-mgmt" "$host-tun"; done
}

# Devices of this stack are known by their hardware addresses, which they have from their first moment on.
link_address() { md5sum <<<"$DEST $1" | sed -E 's/^(..)(..)(..)(..)(..).*/02:\1:\2:\3:\4:\5/'; }
is_our_link() { [ "$(cat "/sys/class/net/$1/address" 2>/dev/null)" = "$(link_address "$1")" ]; }
make_link() { # make_link NAME TYPE [OPTION...]
  local name=$1; shift
  [ -e "/sys/class/net/$name" ] || ip link add "$name" address "$(link_address "$name")" type "$@"
}
remove_link() { ! is_our_link "$1" || ip link delete "$1"; }

check_host_networks() {
  local name foreign='' relation route
  several_hosts || return 0
  for name in $(host_links); do
    [ ! -e "/sys/class/net/$name" ] || is_our_link "$name" || foreign="$foreign $name"
  done
  [ -z "$foreign" ] ||
    die "network devices are there already that aren't ours:$foreign (another stack with HOSTS=2 or more?)"
  check_overlaps MANAGEMENT_RANGE TUNNEL_RANGE FLOATING_RANGE FIXED_RANGE
  for name in MANAGEMENT_RANGE TUNNEL_RANGE; do
    for relation in match root; do       # routes to more than the range, and to parts of it
      route=$(ip -4 route show "$relation" "${!name}" | grep -vE "^default|dev ($MANAGEMENT_BRIDGE|br-phy)( |$)" | head -n 1) || true
      [ -z "$route" ] || die "$name=${!name}: this machine has a route there already: $route"
    done
  done
}
check_overlaps() { # check_overlaps SETTING...
  local name
  # shellcheck disable=SC2046
  python3 - $(for name; do echo "$name=${!name}"; done) <<'PYTHON' || exit 1
import ipaddress, itertools, sys
for (one, here), (other, there) in itertools.combinations([word.split("=") for word in sys.argv[1:]], 2):
    if ipaddress.ip_network(here).overlaps(ipaddress.ip_network(there)):
        sys.exit(f"devstack: {one}={here} and {other}={there} overlap")
PYTHON
}

make_host_networks() {
  local link
  make_link "$MANAGEMENT_BRIDGE" bridge
  make_link "$TUNNEL_BRIDGE" bridge
  make_link "$MAIN_TUNNEL" veth peer name "$MAIN_TUNNEL_PEER" address "$(link_address "$MAIN_TUNNEL_PEER")"
  ip link set "$MAIN_TUNNEL" master "$TUNNEL_BRIDGE"
  ip address replace "$(main_address "$MANAGEMENT_RANGE")/24" dev "$MANAGEMENT_BRIDGE"
  for link in "$MANAGEMENT_BRIDGE" "$TUNNEL_BRIDGE" "$MAIN_TUNNEL" "$MAIN_TUNNEL_PEER"; do ip link set "$link" up; done
  forward_services
}

# What hosts ask of the main machine listens on 127.0.0.1, and the catalog says so. In a host these ports of that address
# are the main machine's.
service_ports() {
  local broker=$RABBIT_PORT
  [ -z "$RABBIT_URL" ] || broker=$(grep -oE '@(127\.0\.0\.1|localhost):[0-9]+' <<<"$RABBIT_URL" | cut -d: -f2 | sort -u | paste -sd,)
  echo "$KEYSTONE_PORT,$PLACEMENT_PORT,$GLANCE_PORT,$NEUTRON_PORT,$COMPUTE_PORT,$METADATA_PORT,$OVN_SB_PORT,$broker"
}
forward_services() {
  local rule=(PREROUTING -i "$MANAGEMENT_BRIDGE" -d "$(main_address "$MANAGEMENT_RANGE")/32" -p tcp
    -m multiport --dports "$(service_ports)" -j DNAT --to-destination 127.0.0.1)
  echo 1 >"/proc/sys/net/ipv4/conf/$MANAGEMENT_BRIDGE/route_localnet"
  ! iptables -w -t nat -C "${rule[@]}" 2>/dev/null || return 0
  stop_forwarding                        # of other ports
  iptables -w -t nat -A "${rule[@]}"
}
stop_forwarding() {
  local rule
  while read -r _ rule; do
    # shellcheck disable=SC2086
    iptables -w -t nat -D $rule
  done < <(iptables -w -t nat -S PREROUTING | grep -- " -i $MANAGEMENT_BRIDGE " || true)
}

# Tunnels leave a switch in user space only through a bridge of its own that has their address.
tunnel_address() { if several_hosts; then main_address "$TUNNEL_RANGE"; else echo 127.0.0.1; fi; }
connect_main() {
  vsctl --may-exist add-port br-phy "$MAIN_TUNNEL_PEER"
  within 20 ip address replace "$(tunnel_address)/24" dev br-phy
  ip link set br-phy up
}

connect_host() {
  local host=$1 net address
  net=$(namespace_file "$host" net) address=$(host_address "$host" "$MANAGEMENT_RANGE")
  make_link "$host-mgmt" veth peer name eth0 address "$(link_address "$host-eth0")" netns "$net"
  make_link "$host-tun" veth peer name eth1 address "$(link_address "$host-eth1")" netns "$net"
  ip link set "$host-mgmt" master "$MANAGEMENT_BRIDGE" up
  ip link set "$host-tun" master "$TUNNEL_BRIDGE" up
  in_host "$host" ip address replace "$address/24" dev eth0
  in_host "$host" ip link set eth0 up
  in_host "$host" ip link set eth1 up
  in_host "$host" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet'
}
# libvirt asks nobody for a password, so only the hosts and the main machine may come.
set_host_rules() {
  in_host "$1" iptables-restore <<EOF
*nat
-A OUTPUT -d 127.0.0.1/32 -p tcp -m multiport --dports $(service_ports) -j DNAT --to-destination $(main_address "$MANAGEMENT_RANGE")
-A POSTROUTING -o eth0 -s 127.0.0.0/8 -j SNAT --to-source $(host_address "$1" "$MANAGEMENT_RANGE")
COMMIT
*filter
-A INPUT -i eth0 ! -s $MANAGEMENT_RANGE -j DROP
COMMIT
EOF
}
disconnect_host() { remove_link "$1-mgmt"; remove_link "$1-tun"; }

remove_host_networks() {
  local link
  stop_forwarding
  for link in "$MAIN_TUNNEL" "$TUNNEL_BRIDGE" "$MANAGEMENT_BRIDGE"; do remove_link "$link"; done
}
