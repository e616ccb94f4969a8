# shellcheck shell=bash
# Placement: inventories and allocations.

configure_placement() {
  write "$ETC/placement/placement.conf" <<EOF
[DEFAULT]
use_stderr = true
[api]
auth_strategy = keystone
[placement_database]
connection = $(mysql_url neighbours placement)
$(check_tokens placement)
EOF
}

migrate_placement() {
  "$NEIGHBOURS/bin/placement-manage" --config-file "$ETC/placement/placement.conf" db sync
}

declare_placement() {
  uwsgi_program placement "$PLACEMENT_PORT" placement.wsgi.api:application 2 "$ETC/placement/placement.conf" \
    "env = OS_PLACEMENT_CONFIG_DIR=$ETC/placement"
}
