# shellcheck shell=bash
# Our own port for everything, so that nothing that is there already is touched.

# 5672 + 20000 is where another RabbitMQ's distribution listens, hence 5670 and 5671.
set_ports() {
  local base=$PORT_BASE
  KEYSTONE_PORT=$((base + 5000)) PLACEMENT_PORT=$((base + 8778)) GLANCE_PORT=$((base + 9292)) NEUTRON_PORT=$((base + 9696))
  COMPUTE_PORT=$((base + 8774)) METADATA_PORT=$((base + 8775)) NOVNC_PORT=$((base + 6080))
  RABBIT_PORT=$((base + 5670)) RABBIT_DIST_PORT=$((base + 5671)) EPMD_PORT=$((base + 4369))
  MARIADB_PORT=$((base + 3306)) POSTGRESQL_PORT=$((base + 5432)) MEMCACHED_PORT=$((base + 11211))
  OVSDB_PORT=$((base + 6640)) OVN_NB_PORT=$((base + 6641)) OVN_SB_PORT=$((base + 6642))
}

check_ports() {
  local name port holder
  for name in KEYSTONE PLACEMENT GLANCE NEUTRON COMPUTE METADATA NOVNC RABBIT RABBIT_DIST EPMD \
      MARIADB POSTGRESQL MEMCACHED OVSDB OVN_NB OVN_SB; do
    port=${name}_PORT; port=${!port}
    # a holder whose process can't be seen (another container's) has no number
    for holder in $(ss -Hltnp "sport = :$port" | sed 's/.*pid=\([0-9]*\).*/\1/; s/.*[^0-9].*/unseen/' | sort -u); do
      is_ours "$holder" || die "port $port ($name) is held by a process that is not ours: $holder $(ps -o args= -p "$holder" 2>/dev/null | cut -c1-100)
  Stop it, or choose another PORT_BASE."
    done
  done
}
