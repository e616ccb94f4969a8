# shellcheck shell=bash
# OpenStack Nova, novalike's rival in a race (bench.sh): on the same neighbours, but for a Placement of its own, so
# that neither sees the other's hosts. As many processes as novalike has, fake hypervisors, the same patience.

NOVA_COMPUTES=10

set_nova_ports() {
  NOVA=$DEST/venvs/nova
  NOVA_PORT=$((PORT_BASE + 8784)) NOVA_METADATA_PORT=$((PORT_BASE + 8785)) NOVA_PLACEMENT_PORT=$((PORT_BASE + 8788))
  RELAY_PORT=$((PORT_BASE + 8794))
}

make_nova_venv() {
  make_venv "$NOVA" "$(cat "$DEVSTACK"/nova.* | md5sum)" --compile-bytecode -c "$DEVSTACK/nova.lock" -r "$DEVSTACK/nova.txt"
}

nova_transport_url() { echo "rabbit://nova:$SERVICE_PASSWORD@127.0.0.1:$RABBIT_PORT/nova"; }

# For both contenders: what happens to those that are stopped while the other one is measured. They miss heartbeats.
PATIENCE="[oslo_messaging_rabbit]
heartbeat_timeout_threshold = 0"

configure_nova() {
  local etc=$ETC/nova number
  mkdir -p "$DATA/nova/locks"
  write "$ETC/nova-placement/placement.conf" <<CONFIGURATION
[DEFAULT]
use_stderr = true
[api]
auth_strategy = keystone
[placement_database]
connection = $(mysql_url placement_nova placement_nova)
$(check_tokens placement)
CONFIGURATION
  write "$etc/nova.conf" <<CONFIGURATION
[DEFAULT]
use_stderr = true
host = nova
my_ip = 127.0.0.1
state_path = $DATA/nova
transport_url = $(nova_transport_url)
compute_driver = fake.FakeDriverWithoutFakeNodes
service_down_time = 86400
graceful_shutdown_timeout = 10
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
$PATIENCE
[api_database]
connection = $(mysql_url nova nova_api)
[database]
connection = $(mysql_url nova nova_cell1)
[cache]
enabled = true
backend = dogpile.cache.pymemcache
memcache_servers = 127.0.0.1:$MEMCACHED_PORT
[conductor]
workers = $CONDUCTOR_WORKERS
[scheduler]
workers = 1
[filter_scheduler]
track_instance_changes = false
[oslo_concurrency]
lock_path = $DATA/nova/locks
[placement]
endpoint_override = http://127.0.0.1:$NOVA_PLACEMENT_PORT
$(log_in nova)
[glance]
$(log_in nova)
[neutron]
service_metadata_proxy = true
metadata_proxy_shared_secret = $SERVICE_PASSWORD
$(log_in nova)
[service_user]
send_service_user_token = true
$(log_in nova)
[key_manager]
backend = nova.keymgr.conf_key_mgr.ConfKeyManager
fixed_key = $(printf '0%.0s' $(seq 64))
[vnc]
enabled = false
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
[quota]
instances = 20000
cores = 200000
ram = 200000000
$(check_tokens nova)
CONFIGURATION
  write "$etc/api-paste.ini" <"$NOVA/etc/nova/api-paste.ini"
  for number in $(seq "$NOVA_COMPUTES"); do
    mkdir -p "$DATA/nova-$number"
    write "$etc/compute-$number.conf" <<CONFIGURATION
[DEFAULT]
host = nova-$number
state_path = $DATA/nova-$number
CONFIGURATION
  done
}

create_nova_databases() {
  create_databases nova nova_api nova_cell0 nova_cell1
  create_databases placement_nova placement_nova
}

rabbitmq_control() {
  env HOME="$DATA/rabbitmq" ERL_EPMD_PORT="$EPMD_PORT" \
    /usr/lib/rabbitmq/bin/rabbitmqctl -q -n novalike-devstack@localhost "$@"
}
create_nova_vhost() {
  rabbitmq_control list_vhosts | grep -x nova >/dev/null || rabbitmq_control add_vhost nova
  rabbitmq_control list_users | grep -w ^nova >/dev/null || rabbitmq_control add_user nova <<<"$SERVICE_PASSWORD"
  rabbitmq_control set_permissions -p nova nova '.*' '.*' '.*'
}

nova_manage() { "$NOVA/bin/nova-manage" --config-file "$ETC/nova/nova.conf" "$@"; }
nova_versions() { cat "$DEVSTACK"/nova.* | md5sum | cut -c1-16; }

migrate_nova() {
  "$NEIGHBOURS/bin/placement-manage" --config-file "$ETC/nova-placement/placement.conf" db sync
  nova_manage api_db sync
  nova_manage cell_v2 map_cell0 --database_connection "$(mysql_url nova nova_cell0)"
  nova_manage cell_v2 list_cells | grep -w cell1 >/dev/null || nova_manage cell_v2 create_cell --name cell1 \
    --database_connection "$(mysql_url nova nova_cell1)" --transport-url "$(nova_transport_url)"
  nova_manage db sync
}

# A service type and name of its own: novalike, or the benchmark's relay, is the catalog's compute service.
make_nova_accounts() {
  DEVSTACK_KEYSTONE_PORT=$KEYSTONE_PORT DEVSTACK_ADMIN_PASSWORD=$ADMIN_PASSWORD \
    DEVSTACK_SERVICE_PASSWORD=$SERVICE_PASSWORD \
    "$NEIGHBOURS/bin/python" "$DEVSTACK/python/nova_accounts.py" "http://127.0.0.1:$NOVA_PORT/v2.1"
}

nova_daemon() { # nova_daemon PROGRAM DAEMON [FILE]: FILE is one more configuration file
  local files="$ETC/nova/nova.conf${3:+ $ETC/nova/$3}"
  program "$1" "$NOVA/bin/$2 --config-file ${files// / --config-file }" files="$files" priority=50
}

start_nova() {
  local number files="$ETC/nova/nova.conf $ETC/nova/api-paste.ini"
  uwsgi_program nova-placement "$NOVA_PLACEMENT_PORT" placement.wsgi.api:application 2 \
    "$ETC/nova-placement/placement.conf" "env = OS_PLACEMENT_CONFIG_DIR=$ETC/nova-placement"
  NEIGHBOURS=$NOVA uwsgi_program nova-api "$NOVA_PORT" nova.wsgi.osapi_compute:application "$API_WORKERS" "$files" \
    "env = OS_NOVA_CONFIG_DIR=$ETC/nova"
  NEIGHBOURS=$NOVA uwsgi_program nova-metadata "$NOVA_METADATA_PORT" nova.wsgi.metadata:application \
    "$METADATA_WORKERS" "$files" "env = OS_NOVA_CONFIG_DIR=$ETC/nova"
  nova_daemon nova-conductor nova-conductor
  nova_daemon nova-scheduler nova-scheduler
  for number in $(seq "$NOVA_COMPUTES"); do
    nova_daemon "nova-compute-$number" nova-compute "compute-$number.conf"
  done
  start_programs
  within 120 answering "$NOVA_PLACEMENT_PORT"
  within 120 answering "$NOVA_PORT"
  within 180 nova_hosts_reported
  nova_manage cell_v2 discover_hosts
}
nova_hosts_reported() {
  [ "$(sql -N -e 'SELECT count(*) FROM nova_cell1.compute_nodes WHERE deleted = 0')" = "$NOVA_COMPUTES" ]
}

# What the benchmark has to know of it, beside what stack.json says.
describe_nova() {
  write "$DEST/nova.json" <<DESCRIPTION
{
  "compute_url": "http://127.0.0.1:$NOVA_PORT/v2.1", "transport_url": "$(nova_transport_url)", "host": "nova",
  "relay_port": $RELAY_PORT, "computes": $NOVA_COMPUTES, "python": "$NOVA/bin/python",
  "mariadb_socket": "$RUN/mariadb.sock", "rabbitmq_home": "$DATA/rabbitmq", "epmd_port": $EPMD_PORT
}
DESCRIPTION
}
