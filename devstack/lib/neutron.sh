# shellcheck shell=bash
# Neutron: ML2/OVN for real guests, the agentless driver for fake ones. Neither needs the message bus.

configure_neutron() {
  local plugins=ovn-router drivers=ovn
  [ "$VIRT_DRIVER" = libvirt ] || plugins=router drivers=agentless
  mkdir -p "$DATA/neutron/locks"
  write "$ETC/neutron/neutron.conf" <<EOF
[DEFAULT]
use_stderr = true
state_path = $DATA/neutron
core_plugin = ml2
service_plugins = $plugins,segments,qos,tag
transport_url = fake:/
auth_strategy = keystone
api_paste_config = $NEIGHBOURS/etc/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
send_events_interval = 1
dhcp_agent_notification = false
rpc_workers = 0
[database]
connection = $(mysql_url neighbours neutron)
[oslo_concurrency]
lock_path = $DATA/neutron/locks
[nova]
$(log_in neutron)
[placement]
$(log_in neutron)
[quotas]
default_quota = -1
quota_network = -1
quota_subnet = -1
quota_port = -1
quota_router = -1
quota_floatingip = -1
quota_security_group = -1
quota_security_group_rule = -1
$(check_tokens neutron)
EOF
  write "$ETC/neutron/ml2_conf.ini" <<EOF
[ml2]
type_drivers = local,flat,geneve
tenant_network_types = geneve
mechanism_drivers = $drivers
extension_drivers = port_security,qos
overlay_ip_version = 4
[ml2_type_flat]
flat_networks = public
[ml2_type_geneve]
vni_ranges = 1:5000
max_header_size = 38
[securitygroup]
enable_security_group = true
[ovn]
ovn_nb_connection = tcp:127.0.0.1:$OVN_NB_PORT
ovn_sb_connection = tcp:127.0.0.1:$OVN_SB_PORT
ovn_metadata_enabled = true
EOF
}

migrate_neutron() {
  "$NEIGHBOURS/bin/neutron-db-manage" --config-file "$ETC/neutron/neutron.conf" --config-file "$ETC/neutron/ml2_conf.ini" upgrade heads
}

# start-time is what OVN's hash ring of workers counts from.
declare_neutron() {
  uwsgi_program neutron "$NEUTRON_PORT" neutron.wsgi.api:application 2 "$ETC/neutron/neutron.conf $ETC/neutron/ml2_conf.ini" \
    "start-time = %t" "env = OS_NEUTRON_CONFIG_DIR=$ETC/neutron" "env = OS_NEUTRON_CONFIG_FILES=neutron.conf;ml2_conf.ini"
}

# The agent that answers 169.254.169.254 in every network's namespace, for the ports of its own host. It and its helpers
# are root already.
declare_metadata_agents() {
  local host file
  several_hosts || { declare_metadata_agent neutron-metadata "$HOST_NAME" "$ETC/neutron/metadata_agent.ini"; return; }
  for host in $(host_names); do
    declare_metadata_agent "$host-neutron-metadata" "$host" "$ETC/neutron/metadata_agent-$host.ini" "$(entering "$host") "
  done
}
declare_metadata_agent() { # declare_metadata_agent PROGRAM HOST FILE [PREFIX]: PREFIX is what the command begins with
  local program=$1 host=$2 file=$3 prefix=${4:-}
  write "$file" <<EOF
[DEFAULT]
use_stderr = true
state_path = $DATA/neutron
host = $host
nova_metadata_host = 127.0.0.1
nova_metadata_port = $METADATA_PORT
metadata_proxy_shared_secret = $SERVICE_PASSWORD
metadata_workers = 0
[agent]
root_helper = env
use_helper_for_ns_read = false
[oslo_concurrency]
lock_path = $DATA/neutron/locks
[ovs]
ovsdb_connection = tcp:127.0.0.1:$OVSDB_PORT
datapath_type = netdev
[ovn]
ovn_sb_connection = tcp:127.0.0.1:$OVN_SB_PORT
EOF
  program "$program" "$prefix$NEIGHBOURS/bin/python $DEVSTACK/python/metadata_agent.py --config-file $file" \
    files="$file $DEVSTACK/python/metadata_agent.py" priority=40 environment="PATH=\"$NEIGHBOURS/bin:/usr/sbin:/usr/bin:/sbin:/bin\""
}
