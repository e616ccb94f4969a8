# shellcheck shell=bash
# The neighbours' APIs run under uWSGI, one program each.

# uwsgi_program NAME PORT MODULE PROCESSES FILES [SETTING...]: FILES are its configuration files
uwsgi_program() {
  local name=$1 port=$2 module=$3 processes=$4 files=$5 setting; shift 5
  {
    echo "[uwsgi]"
    case " $* " in *" http = "*) ;; *) echo "http-socket = 127.0.0.1:$port" ;; esac
    cat <<EOF
module = $module
virtualenv = $NEIGHBOURS
master = true
processes = $processes
threads = 1
enable-threads = true
lazy-apps = true
need-app = true
thunder-lock = true
die-on-term = true
hook-master-start = unix_signal:15 gracefully_kill_them_all
buffer-size = 65535
add-header = Connection: close
disable-logging = true
so-keepalive = true
listen = 100
EOF
    for setting; do echo "$setting"; done
  } | write "$ETC/uwsgi/$name.ini"
  program "$name" "$NEIGHBOURS/bin/uwsgi --ini $ETC/uwsgi/$name.ini" files="$ETC/uwsgi/$name.ini $files" priority=30
}
