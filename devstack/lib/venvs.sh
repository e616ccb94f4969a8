# shellcheck shell=bash
# Three virtual environments: tools (uv, supervisor), the neighbours with the CLI, and novalike.

make_tools() {
  [ -x "$TOOLS/bin/supervisord" ] && [ -x "$TOOLS/bin/uv" ] && return 0
  /usr/bin/python3 -m venv --clear "$TOOLS"
  "$TOOLS/bin/pip" install -q --disable-pip-version-check uv 'supervisor>=4.2.5' 'setuptools<81'
}

uv() {
  env -u VIRTUAL_ENV SSL_CERT_FILE="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" UV_HTTP_TIMEOUT=180 UV_CACHE_DIR="$CACHE/uv" UV_LINK_MODE=hardlink "$TOOLS/bin/uv" "$@"
}

# make_venv FOLDER STAMP ARGUMENT...: a fresh environment, or the one that is there when it was made from the same.
make_venv() {
  local venv=$1 stamp=$2; shift 2
  [ "$(cat "$venv/.made-from" 2>/dev/null)" != "$stamp" ] || return 0
  [ -x "$venv/bin/python" ] || uv venv -q --python /usr/bin/python3 "$venv"
  uv pip install -q --python "$venv/bin/python" "$@"
  echo "$stamp" >"$venv/.made-from"
}

make_neighbours_venv() {
  local agentless=$CACHE/agentless       # a copy, since building leaves files in the folder
  rm -rf "$agentless"
  install -D -m 644 -t "$agentless" "$DEVSTACK"/agentless/{pyproject.toml,devstack_agentless.py}
  make_venv "$NEIGHBOURS" "$(cat "$DEVSTACK"/neighbours.* "$agentless"/* | md5sum)" \
    -c "$DEVSTACK/neighbours.lock" -r "$DEVSTACK/neighbours.txt" "$agentless"
}

make_novalike_venv() {
  local extras=mysql,postgresql
  [ "$VIRT_DRIVER" != libvirt ] || extras=$extras,libvirt
  # keystonemiddleware's cache of tokens talks to memcached through it, and doesn't ask for it itself
  local memcached=python-memcached
  make_venv "$NOVALIKE" "$(md5sum <"$CHECKOUT/pyproject.toml") $extras $memcached $CHECKOUT" -e "${CHECKOUT}[$extras]" $memcached
}
