# shellcheck shell=bash
# Glance: images, in files.

configure_glance() {
  mkdir -p "$DATA"/glance/{images,tasks,staging,cache,locks}
  write "$ETC/glance/glance-api.conf" <<EOF
[DEFAULT]
use_stderr = true
enabled_backends = files:file
bind_host = 127.0.0.1
worker_self_reference_url = http://127.0.0.1:$GLANCE_PORT
image_cache_dir = $DATA/glance/cache
[database]
connection = $(mysql_url neighbours glance)
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = $DATA/glance/images
[os_glance_tasks_store]
filesystem_store_datadir = $DATA/glance/tasks
[os_glance_staging_store]
filesystem_store_datadir = $DATA/glance/staging
[paste_deploy]
flavor = keystone
config_file = $NEIGHBOURS/etc/glance/glance-api-paste.ini
[oslo_concurrency]
lock_path = $DATA/glance/locks
$(check_tokens glance)
EOF
}

migrate_glance() {
  "$NEIGHBOURS/bin/glance-manage" --config-file "$ETC/glance/glance-api.conf" db_sync
}

# Uploads come in chunks, which only uWSGI's HTTP router can read. By itself it takes none of 1 MiB or more, and waits
# 4 seconds for the next one: less than who reads from a busy disk needs. A chunk is kept in memory.
declare_glance() {
  uwsgi_program glance "$GLANCE_PORT" glance.wsgi.api:application 2 "$ETC/glance/glance-api.conf" \
    "http = 127.0.0.1:$GLANCE_PORT" "http-raw-body = true" "http-chunked-input = true" "http-auto-chunked = true" \
    "http-keepalive = false" "chunked-input-limit = $((64 << 20))" "chunked-input-timeout = 60" \
    "env = OS_GLANCE_CONFIG_DIR=$ETC/glance"
}
