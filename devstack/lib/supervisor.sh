# shellcheck shell=bash
# What keeps the services alive: supervisord, with one program per service, restarted when it ends, its output
# in a log that rotates. Where systemd is PID 1 supervisord is a unit itself, and keeps the neighbours.

ctl() { "$TOOLS/bin/supervisorctl" -c "$ETC/supervisord.conf" "$@"; }
supervised() { ctl pid >/dev/null 2>&1; }

start_supervisor() {
  write "$ETC/supervisord.conf" <<EOF
[unix_http_server]
file = $RUN/supervisor.sock
chmod = 0700
[supervisord]
pidfile = $RUN/supervisord.pid
logfile = $LOGS/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
childlogdir = $LOGS
minfds = 16384
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://$RUN/supervisor.sock
[include]
files = $ETC/programs/*.conf
EOF
  supervised && return 0
  # A stack that was cut off: its programs are started again in their order, what is left of it is ended.
  rm -rf "$ETC/programs" "$RUN/supervisor.sock"
  mkdir -p "$ETC/programs" "$RUN/here"
  end_orphans
  if has_systemd; then
    systemd-run --quiet --unit novalike-devstack --property Restart=on-failure --property KillMode=mixed \
      --setenv DEVSTACK_DEST="$DEST" --setenv HOME="$DATA" --setenv LC_ALL=C.UTF-8 \
      "$TOOLS/bin/supervisord" -n -c "$ETC/supervisord.conf"
  else
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME="$DATA" DEVSTACK_DEST="$DEST" \
      setsid "$TOOLS/bin/supervisord" -c "$ETC/supervisord.conf"
  fi
  within 20 supervised
}

stop_supervisor() {
  if [ -x "$TOOLS/bin/supervisorctl" ] && supervised; then
    local pid; pid=$(ctl pid)
    ctl stop neutron >/dev/null || true # while OVN's databases are there: without them it doesn't end
    ctl stop all >/dev/null             # all at once; shutdown alone would stop one after the other
    ctl shutdown >/dev/null
    within 60 gone "$pid" || true
  fi
  rm -rf "$ETC/programs"
  end_orphans
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# program NAME COMMAND [OPTION=VALUE...]: declares it; start_programs then starts it, or starts it anew when its
# command or one of the files named with files="..." changed. With socket=PORT it is NUMBER alike processes (processes=
# NUMBER) with one socket, as descriptor 0: supervisord keeps it open, so nobody is refused while one after the other is
# restarted. (supervisord closes it when none of them is left. That is why there should be two.)
DECLARED=()
program() {
  local name=$1 command=$2 files='' environment='' extra=() option kind=program socket='' processes=1 log=$1; shift 2
  for option; do
    case $option in
      files=*) files=${option#*=} ;;
      environment=*) environment=,${option#*=} ;;
      socket=*) socket=${option#*=} kind=fcgi-program log='%(program_name)s-%(process_num)d' ;;
      processes=*) processes=${option#*=} ;;
      *) extra+=("$option") ;;
    esac
  done
  # shellcheck disable=SC2086
  environment="CONFIGURATION=\"$(cat $files </dev/null | md5sum | cut -c1-32)\"$environment"
  {
    echo "[$kind:$name]"
    [ -z "$socket" ] || printf '%s\n' "socket = tcp://127.0.0.1:$socket" "numprocs = $processes" \
      'numprocs_start = 1' 'process_name = %(program_name)s-%(process_num)d'
    echo "command = $command"
    echo "environment = $environment"
    echo "directory = $RUN/here"
    echo "stdout_logfile = $LOGS/$log.log"
    printf '%s\n' 'redirect_stderr = true' 'stdout_logfile_maxbytes = 20MB' 'stdout_logfile_backups = 2' \
      'autorestart = true' 'startretries = 1000000' 'startsecs = 2' 'stopwaitsecs = 30' 'killasgroup = true'
    [ ${#extra[@]} = 0 ] || printf '%s\n' "${extra[@]}"
  } | write "$ETC/programs/$name.conf"
  DECLARED+=("$name")
}

start_programs() {
  local name idle
  update_programs
  [ ${#DECLARED[@]} -gt 0 ] || return 0
  # status fails when a program doesn't run
  idle=$(ctl status "${DECLARED[@]/%/:*}" | awk '$2 != "RUNNING" && $2 != "STARTING" { print $1 }') || true
  for name in $idle; do ctl start "$name" & done
  wait
}

stop_programs() { # stop_programs PATTERN: all at once
  local file
  for file in "$ETC"/programs/$1.conf; do
    [ ! -e "$file" ] || ctl stop "$(basename "$file" .conf):*" >/dev/null &
  done
  wait
}

# supervisord's own update stops one program after the other.
update_programs() {
  local name
  for name in $(ctl reread | sed -n 's/: \(changed\|disappeared\)$//p'); do ctl stop "$name:*" >/dev/null & done
  wait
  ctl update
}

# forget_programs PATTERN NAME...: those that match and aren't among the names are stopped.
forget_programs() {
  local pattern=$1 file name; shift
  for file in "$ETC"/programs/$pattern.conf; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .conf)
    case " $* " in *" $name "*) ;; *) rm "$file" ;; esac
  done
  update_programs
}

# Everything supervisord starts has DEVSTACK_DEST in its environment and begins in a folder that nobody else is in.
# Some write a title over their environment, some go elsewhere; none does both.
is_ours() {
  [ "$(readlink "/proc/$1/cwd")" = "$RUN/here" ] ||
    grep -qszx "DEVSTACK_DEST=$DEST" "/proc/$1/environ"
}
list_ours() {
  local folder
  for folder in /proc/[0-9]*; do ! is_ours "${folder#/proc/}" || echo "${folder#/proc/}"; done
}
end_orphans() {
  local pids; pids=$(list_ours)
  [ -n "$pids" ] || return 0
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null || true
  within 15 eval '[ -z "$(list_ours)" ]' || list_ours | xargs -r kill -9 || true
}
