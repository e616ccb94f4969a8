# shellcheck shell=bash
# Keystone, and the two sections by which every service logs in to it.

# log_in USER: what a keystoneauth section needs
log_in() {
  cat <<EOF
auth_type = password
auth_url = http://127.0.0.1:$KEYSTONE_PORT/v3
project_domain_name = Default
user_domain_name = Default
project_name = service
username = $1
password = $SERVICE_PASSWORD
region_name = RegionOne
EOF
}

# check_tokens USER: [keystone_authtoken] of a service with an API
check_tokens() {
  cat <<EOF
[keystone_authtoken]
www_authenticate_uri = http://127.0.0.1:$KEYSTONE_PORT
memcached_servers = 127.0.0.1:$MEMCACHED_PORT
service_token_roles = service
service_token_roles_required = true
$(log_in "$1")
EOF
}

configure_keystone() {
  write "$ETC/keystone/keystone.conf" <<EOF
[DEFAULT]
use_stderr = true
[database]
connection = $(mysql_url neighbours keystone)
[fernet_tokens]
key_repository = $ETC/keystone/fernet-keys
[credential]
key_repository = $ETC/keystone/credential-keys
[cache]
enabled = true
backend = dogpile.cache.pymemcache
memcache_servers = 127.0.0.1:$MEMCACHED_PORT
[oslo_policy]
enforce_scope = true
enforce_new_defaults = true
EOF
}

migrate_keystone() {
  local manage="$NEIGHBOURS/bin/keystone-manage --config-file $ETC/keystone/keystone.conf"
  install -d -m 700 "$ETC/keystone/fernet-keys" "$ETC/keystone/credential-keys"
  $manage db_sync
  $manage fernet_setup --keystone-user root --keystone-group root
  $manage credential_setup --keystone-user root --keystone-group root
  $manage bootstrap --bootstrap-password "$ADMIN_PASSWORD" --bootstrap-region-id RegionOne \
    --bootstrap-public-url "http://127.0.0.1:$KEYSTONE_PORT/v3/" --bootstrap-internal-url "http://127.0.0.1:$KEYSTONE_PORT/v3/" \
    --bootstrap-admin-url "http://127.0.0.1:$KEYSTONE_PORT/v3/"
}

declare_keystone() {
  uwsgi_program keystone "$KEYSTONE_PORT" keystone.wsgi.api:application 2 "$ETC/keystone/keystone.conf" \
    "env = OS_KEYSTONE_CONFIG_DIR=$ETC/keystone"
}
