# shellcheck shell=bash
# MariaDB: the neighbours' databases, and novalike's when DATABASE=mysql.

NEIGHBOUR_DATABASES="keystone placement glance neutron"

start_mariadb() {
  [ -z "$MYSQL_URL" ] || return 0
  [ -d "$DATA/mysql/mysql" ] || {
    rm -rf "$DATA/mysql"
    mariadb-install-db --no-defaults --user=root --datadir="$DATA/mysql" --auth-root-authentication-method=socket \
      --auth-root-socket-user=root --skip-test-db
  }
  write "$ETC/mariadb.cnf" <<EOF
[mariadbd]
user = root
datadir = $DATA/mysql
socket = $RUN/mariadb.sock
pid-file = $RUN/mariadb.pid
bind-address = 127.0.0.1
port = $MARIADB_PORT
max-connections = 500
innodb-buffer-pool-size = 128M
innodb-log-file-size = 64M
innodb-flush-log-at-trx-commit = 2
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
performance-schema = OFF
skip-name-resolve
EOF
  program mariadb "/usr/sbin/mariadbd --defaults-file=$ETC/mariadb.cnf" files="$ETC/mariadb.cnf" priority=10
  start_programs
  within 60 sql -e 'SELECT 1'
}

sql() {
  if [ -z "$MYSQL_URL" ]; then mariadb --no-defaults -uroot -S "$RUN/mariadb.sock" "$@"; return; fi
  local user password host port
  IFS=' ' read -r user password host port <<<"$(sed -E 's#^[^:]*://([^:@]*):?([^@]*)@([^:/]*):?([0-9]*).*#\1 \2 \3 \4#' <<<"$MYSQL_URL")"
  MYSQL_PWD=$password mariadb --no-defaults -u"$user" -h"$host" -P"${port:-3306}" "$@"
}

# mysql_url OWNER DATABASE
mysql_url() {
  if [ -n "$MYSQL_URL" ]; then echo "$MYSQL_URL/$2?charset=utf8mb4"
  else echo "mysql+pymysql://$1:$SERVICE_PASSWORD@127.0.0.1:$MARIADB_PORT/$2?charset=utf8mb4"; fi
}

# create_databases OWNER DATABASE...: with novalike's owner apart from the neighbours', so that only its conductor can.
create_databases() {
  local owner=$1 database; shift
  for database; do
    echo "CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4;"
    [ -n "$MYSQL_URL" ] || echo "GRANT ALL ON $database.* TO '$owner'@'127.0.0.1' IDENTIFIED BY '$SERVICE_PASSWORD';"
  done | sql
}
