# shellcheck shell=bash
# novalike itself: one configuration file that all daemons share, one more for each daemon. Only the conductor's
# (which novalike-manage reads too) has the databases' URLs in it.

novalike_url() { # novalike_url DATABASE
  case $DATABASE in
    mysql) mysql_url novalike "$1" ;;
    postgresql) postgresql_url novalike "$1" ;;
    sqlite) echo "sqlite:///$DATA/sqlite/$1.sqlite" ;;
  esac
}

create_novalike_databases() {
  case $DATABASE in
    # The last one is tests/integration/test_query_plans.py's, and empty otherwise.
    mysql) create_databases novalike novalike_api novalike_cell0 novalike_cell1 novalike_plans ;;
    postgresql) create_postgresql_databases novalike novalike_api novalike_cell0 novalike_cell1 novalike_plans ;;
    sqlite) install -d -m 700 "$DATA/sqlite" ;;
  esac
}

configure_novalike() {
  local etc=$ETC/novalike number
  mkdir -p "$DATA/novalike/instances" "$DATA/novalike/locks"
  write "$etc/novalike.conf" <<EOF
[DEFAULT]
host = $HOST_NAME
my_ip = 127.0.0.1
state_path = $DATA/novalike
debug = $DEBUG
transport_url = $(transport_url)
[oslo_concurrency]
lock_path = $DATA/novalike/locks
[keystone]
$(log_in novalike)
[placement]
$(log_in novalike)
[glance]
$(log_in novalike)
[neutron]
$(log_in novalike)
service_metadata_proxy = true
metadata_proxy_shared_secret = $SERVICE_PASSWORD
[vnc]
enabled = $([ "$VIRT_DRIVER" = libvirt ] && echo true || echo false)
server_listen = 127.0.0.1
server_proxyclient_address = 127.0.0.1
novncproxy_host = 127.0.0.1
novncproxy_port = $NOVNC_PORT
novncproxy_base_url = http://127.0.0.1:$NOVNC_PORT/vnc_lite.html
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
EOF
  write "$etc/api.conf" <<EOF
[api]
listen = 127.0.0.1
port = $COMPUTE_PORT
workers = $(has_systemd && echo "$API_WORKERS" || echo 1)
$(check_tokens novalike)
EOF
  write "$etc/api-metadata.conf" <<EOF
[api_metadata]
listen = 127.0.0.1
port = $METADATA_PORT
workers = $(has_systemd && echo "$METADATA_WORKERS" || echo 1)
EOF
  write "$etc/novncproxy.conf" <<EOF
[vnc]
web = $CACHE/novnc
EOF
  for number in $(seq "$SCHEDULERS"); do
    write "$etc/scheduler-$number.conf" <<EOF
[DEFAULT]
host = $(numbered_host "$number")
$([ -z "$ENABLED_FILTERS" ] || printf '[filter_scheduler]\nenabled_filters = %s\n' "$ENABLED_FILTERS")
EOF
  done
  # fake hosts are there to be filled
  local quota
  [ "$VIRT_DRIVER" = libvirt ] || quota="[quota]
instances = 10000
cores = 100000
ram = 100000000"
  for number in $(seq "$CONDUCTORS"); do
    write "$etc/conductor-$number.conf" <<EOF
[DEFAULT]
host = $(numbered_host "$number")
[conductor]
workers = $CONDUCTOR_WORKERS
${quota:-}
[api_database]
connection = $(novalike_url novalike_api)
[database]
connection = $(novalike_url novalike_cell1)
EOF
  done
  if [ "$VIRT_DRIVER" = libvirt ]; then
    write "$etc/compute.conf" <<EOF
[DEFAULT]
compute_driver = libvirt
[libvirt]
virt_type = qemu
images_type = qcow2
hw_machine_type = x86_64=pc
cpu_mode = maximum
[os_vif_ovs]
ovsdb_connection = tcp:127.0.0.1:$OVSDB_PORT
[vif_plug_ovs]
ovsdb_connection = tcp:127.0.0.1:$OVSDB_PORT
EOF
    configure_host_computes
  else
    configure_fake_computes
  fi
}

# One process stands for all fake hosts (fake001 ...), or each of several for a share of them (fake1-001 ...). A host's
# guests are kept below its process's state_path, as if it were a machine of its own.
configure_fake_computes() {
  local etc=$ETC/novalike number hosts
  if [ "$FAKE_COMPUTES" = 1 ]; then
    write "$etc/compute.conf" <<EOF
[DEFAULT]
compute_driver = fake
[fake]
hosts = $FAKE_HOSTS
host_prefix = fake
EOF
    return
  fi
  for number in $(seq "$FAKE_COMPUTES"); do
    hosts=$(((FAKE_HOSTS + FAKE_COMPUTES - number) / FAKE_COMPUTES))
    mkdir -p "$DATA/novalike-$number"
    write "$etc/compute-$number.conf" <<EOF
[DEFAULT]
host = $(numbered_host "$number")
state_path = $DATA/novalike-$number
health_dir = $DATA/novalike/health
compute_driver = fake
[fake]
hosts = $hosts
host_prefix = fake$number-
EOF
  done
}
# Two daemons of a kind on one machine are told apart by their host.
numbered_host() { [ "$1" = 1 ] && echo "$HOST_NAME" || echo "$HOST_NAME-$1"; }

has_daemon() { [ -f "$CHECKOUT/novalike/cmd/${1//-/_}.py" ]; }

manage() {
  "$NOVALIKE/bin/novalike-manage" --config-file "$ETC/novalike/novalike.conf" --config-file "$ETC/novalike/conductor-1.conf" "$@"
}

migrate_novalike() {
  has_daemon manage || { echo "novalike-manage isn't there yet"; return 0; }
  manage api_db sync
  manage db sync
  manage cell_v2 simple_cell_setup
  [ "$VIRT_DRIVER" = fake ] || number_guests
}

# libvirt knows guests by names that are made of their rows' numbers. Two stacks on one libvirt count from different
# ones, so that they don't meet. (SQLite always counts from 1.)
number_guests() {
  local first=$((PORT_BASE * 1000))
  case $DATABASE in
    mysql) sql -e "ALTER TABLE novalike_cell1.instances AUTO_INCREMENT = $first" ;;
    postgresql)
      psql_as_postgres -d novalike_cell1 -c \
        "SELECT setval('instances_id_seq', greatest($first, (SELECT coalesce(max(id), 0) FROM instances)))"
      ;;
  esac
}

# The hash of the code is among what a program is declared with, so a changed checkout is started anew.
code_mark() {
  find "$CHECKOUT/novalike" -name '*.py' -print0 | sort -z | xargs -0 cat | md5sum | cut -c1-32 | write "$RUN/code-mark"
}

start_novalike() {
  local number
  code_mark
  : >"$RUN/skipped-daemons"
  for number in $(seq "$CONDUCTORS"); do declare_daemon conductor "novalike-conductor-$number" "conductor-$number.conf"; done
  start_daemons
  # The others wait for a conductor as long as it takes, but what they ask before it listens is lost.
  [ ${#DECLARED[@]} = 0 ] || within 60 healthy conductor
  for number in $(seq "$SCHEDULERS"); do declare_daemon scheduler "novalike-scheduler-$number" "scheduler-$number.conf"; done
  declare_daemon api novalike-api api.conf
  declare_daemon api-metadata novalike-api-metadata api-metadata.conf metadata
  if several_hosts; then :               # theirs are started when the others are
  elif [ "$VIRT_DRIVER" = libvirt ] || [ "$FAKE_COMPUTES" = 1 ]; then
    declare_daemon compute novalike-compute compute.conf
  else
    for number in $(seq "$FAKE_COMPUTES"); do declare_daemon compute "novalike-compute-$number" "compute-$number.conf"; done
  fi
  [ "$VIRT_DRIVER" = fake ] || declare_daemon novncproxy novalike-novncproxy novncproxy.conf
  start_daemons
  forget_daemons
}

start_daemons() {
  [ ${#DECLARED[@]} -gt 0 ] || return 0
  if has_systemd; then start_units; else start_programs; fi
}
forget_daemons() {
  if has_systemd; then forget_units; else forget_programs 'novalike-*' "${DECLARED[@]}"; fi
}
healthy() { "$NOVALIKE/bin/novalike-status" --config-file "$ETC/novalike/novalike.conf" health "$1"; }

# declare_daemon DAEMON PROGRAM FILE [SERVICE]
declare_daemon() {
  local daemon=$1 program=$2 file=$3 service=${4:-$1} files command shared=()
  wants "$service" || return 0
  has_daemon "$daemon" || { echo "novalike-$daemon" >>"$RUN/skipped-daemons"; return 0; }
  files="$ETC/novalike/novalike.conf $ETC/novalike/$file${NOVALIKE_EXTRA_CONF:+ $NOVALIKE_EXTRA_CONF}"
  command="$NOVALIKE/bin/novalike-$daemon --config-file ${files// / --config-file }"
  if has_systemd; then declare_unit "novalike-$daemon" "$program" "$command" "$files $RUN/code-mark"; return; fi
  case $daemon in
    api) shared=("socket=$COMPUTE_PORT" "processes=$API_WORKERS") ;;
    api-metadata) shared=("socket=$METADATA_PORT" "processes=$METADATA_WORKERS") ;;
  esac
  program "$program" "$command" files="$files $RUN/code-mark" "${shared[@]}" \
    priority=50 environment="NOVALIKE_CONCURRENCY=\"$NOVALIKE_CONCURRENCY\",OVS_RUNDIR=\"$RUN/ovs\",PATH=\"$NOVALIKE/bin:/usr/sbin:/usr/bin:/sbin:/bin\""
}

# Before its guests go away: a compute service that still runs would report every one of them.
stop_novalike() {
  if has_systemd; then stop_units; else stop_programs 'novalike-*'; fi
}
