# shellcheck shell=bash
# stack.json: what the integration tests, or any other program, have to know of this stack.

describe() {
  write "$DEST/stack.json" <<EOF
{
  "virt_driver": "$VIRT_DRIVER", "fake_hosts": $FAKE_HOSTS, "database": "$DATABASE", "host": "$HOST_NAME",
  "auth_url": "http://127.0.0.1:$KEYSTONE_PORT/v3", "region": "RegionOne",
  "admin_password": "$ADMIN_PASSWORD", "demo_password": "$DEMO_PASSWORD",
  "compute_url": "http://127.0.0.1:$COMPUTE_PORT", "metadata_url": "http://127.0.0.1:$METADATA_PORT",
  "novnc_url": "http://127.0.0.1:$NOVNC_PORT", "transport_url": "$(transport_url)",
  "image": "guest", "flavor": "m1.nano", "key_name": "devstack", "key_file": "$DEST/$KEY_FILE", "guest_user": "cirros",
  "private_network": "private", "public_network": "public",
  "bin": "$NEIGHBOURS/bin", "novalike_bin": "$NOVALIKE/bin", "logs": "$LOGS", "etc": "$ETC/novalike", "data": "$DATA",
  "supervisorctl": "$TOOLS/bin/supervisorctl -c $ETC/supervisord.conf",
  "hosts": [$(describe_hosts | paste -sd,)]
}
EOF
}
# Where guests are: their names, addresses for management, and what goes before a command that is to run there.
describe_hosts() {
  local host
  if several_hosts; then
    for host in $(host_names); do
      describe_host "$host" "$(host_address "$host" "$MANAGEMENT_RANGE")" "env DEST=$DEST $DEVSTACK/host.sh $host"
    done
  elif [ "$VIRT_DRIVER" = libvirt ]; then describe_host "$HOST_NAME" 127.0.0.1 "env OVS_RUNDIR=$RUN/ovs"; fi
}
describe_host() { printf '{"name": "%s", "address": "%s", "execute": "%s"}\n' "$@"; }
