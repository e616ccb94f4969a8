# shellcheck shell=bash
# Where systemd is PID 1, novalike's daemons run as the units of etc/systemd. They are installed for this boot only,
# each with a drop-in that points it to this checkout and to its files below DEST.

UNITS=/run/systemd/system

has_systemd() { [ -d /run/systemd/system ]; }

# declare_unit UNIT NAME COMMAND FILES: the unit file UNIT, installed as NAME (two conductors have one unit file)
CHANGED_UNITS=()
declare_unit() {
  local unit=$1 name=$2 command=$3 files=$4 before
  before=$(cat "$UNITS/$name.service" "$UNITS/$name.service.d/devstack.conf" 2>/dev/null) || true
  write "$UNITS/$name.service" <"$CHECKOUT/etc/systemd/$unit.service"
  # shellcheck disable=SC2086
  write "$UNITS/$name.service.d/devstack.conf" <<EOF
[Service]
# CONFIGURATION $(cat $files | md5sum | cut -c1-32)
ExecStart=
ExecStart=$command
User=root
Group=root
DynamicUser=no
ReadWritePaths=$DEST
ProtectHome=no
PrivateTmp=no
Environment=DEVSTACK_DEST=$DEST NOVALIKE_CONCURRENCY=$NOVALIKE_CONCURRENCY OVS_RUNDIR=$RUN/ovs PATH=$NOVALIKE/bin:/usr/sbin:/usr/bin:/sbin:/bin
EOF
  chmod 644 "$UNITS/$name.service" "$UNITS/$name.service.d/devstack.conf"
  DECLARED+=("$name")
  [ "$before" = "$(cat "$UNITS/$name.service" "$UNITS/$name.service.d/devstack.conf")" ] || CHANGED_UNITS+=("$name")
}

list_units() {
  local file
  for file in $(grep -ls "DEVSTACK_DEST=$DEST " "$UNITS"/novalike-*.service.d/devstack.conf); do
    basename "$(dirname "$file")" .service.d
  done
}

forget_units() { # those that this stack doesn't have any more
  local name
  for name in $(list_units); do
    case " ${DECLARED[*]} " in *" $name "*) ;; *) remove_unit "$name" ;; esac
  done
}

start_units() {
  local name
  systemctl daemon-reload
  for name in "${CHANGED_UNITS[@]}"; do systemctl restart --no-block "$name"; done
  CHANGED_UNITS=()
  for name in "${DECLARED[@]}"; do systemctl start --no-block "$name"; done
}

stop_units() {
  local name
  for name in $(list_units); do remove_unit "$name"; done
  systemctl daemon-reload
}
remove_unit() {
  systemctl stop "$1" || true
  rm -rf "${UNITS:?}/$1.service" "${UNITS:?}/$1.service.d"
}
