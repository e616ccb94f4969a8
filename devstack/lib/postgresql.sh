# shellcheck shell=bash
# PostgreSQL: novalike's own databases when DATABASE=postgresql. It refuses to run as root: it runs as user postgres.

start_postgresql() {
  [ -z "$POSTGRESQL_URL" ] || return 0
  local bin
  bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)")
  if [ ! -f "$DATA/postgresql/PG_VERSION" ]; then
    install -d -o postgres -g postgres -m 700 "$DATA/postgresql"
    (cd / && as_postgres "$bin/initdb" -D "$DATA/postgresql" -U postgres --auth-local=peer --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8)
  fi
  program postgresql "$bin/postgres -D $DATA/postgresql -c listen_addresses=127.0.0.1 -c port=$POSTGRESQL_PORT -c unix_socket_directories=$DATA/postgresql -c max_connections=300 -c synchronous_commit=off" \
    user=postgres stopsignal=INT priority=10
  start_programs
  within 60 psql_as_postgres -c 'SELECT 1'
}

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups env HOME=/ "$@"; }
psql_as_postgres() {
  if [ -n "$POSTGRESQL_URL" ]; then psql -q "${POSTGRESQL_URL/+psycopg2/}/postgres" "$@"
  else (cd / && as_postgres psql -q -h "$DATA/postgresql" -p "$POSTGRESQL_PORT" -U postgres "$@"); fi
}

postgresql_url() {
  if [ -n "$POSTGRESQL_URL" ]; then echo "$POSTGRESQL_URL/$2"
  else echo "postgresql+psycopg2://$1:$SERVICE_PASSWORD@127.0.0.1:$POSTGRESQL_PORT/$2"; fi
}

create_postgresql_databases() {
  local owner=$1 database; shift
  [ -n "$POSTGRESQL_URL" ] || [ -n "$(psql_as_postgres -tAc "SELECT 1 FROM pg_roles WHERE rolname='$owner'")" ] ||
    psql_as_postgres -c "CREATE ROLE $owner LOGIN PASSWORD '$SERVICE_PASSWORD'"
  for database; do
    [ -n "$(psql_as_postgres -tAc "SELECT 1 FROM pg_database WHERE datname='$database'")" ] ||
      psql_as_postgres -c "CREATE DATABASE $database $([ -n "$POSTGRESQL_URL" ] || echo "OWNER $owner")"
  done
}
