# shellcheck shell=bash
# memcached: validated tokens, for everybody.

start_memcached() {
  program memcached "/usr/bin/memcached -u root -l 127.0.0.1 -p $MEMCACHED_PORT -m 64" priority=10
  start_programs
}
