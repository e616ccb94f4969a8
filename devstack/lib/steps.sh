# shellcheck shell=bash
# Steps with their times, work in the background, waiting, and files that are written only when they change.

BEGAN=$(date +%s.%N)
STEP=0

since() { awk -v from="$1" -v to="$(date +%s.%N)" 'BEGIN { printf "%.1f", to - from }'; }
die() { echo "devstack: $*" >&2; exit 1; }

# Every command must succeed. Always started with &, since the shell ignores -e on the left of || and in if.
strictly() {
  exec 8>&-                              # the lock is the script's own
  set -eEu -o pipefail
  trap 'echo "failed: ${BASH_COMMAND:0:120} ($(basename "${BASH_SOURCE[0]}"):$LINENO)"' ERR
  "$@"
}

show_step() { printf '%7ss  %2d  %s (%s s)\n' "$(since "$BEGAN")" "$STEP" "$1" "$(since "$2")"; }

# step TITLE FUNCTION [ARGUMENT...]: the function's output goes to the log, and its end is shown when it fails.
step() {
  local title=$1 began failed=0; shift
  STEP=$((STEP + 1)) began=$(date +%s.%N)
  echo "=== $title" >>"$LOGS/stack.log"
  local from; from=$(wc -l <"$LOGS/stack.log")
  strictly "$@" >>"$LOGS/stack.log" 2>&1 </dev/null &
  wait $! || failed=1
  if [ $failed = 1 ]; then
    tail -n "+$((from + 1))" "$LOGS/stack.log" | tail -n 30 >&2
    die "step $STEP, $title, failed; the whole log is $LOGS/stack.log"
  fi
  show_step "$title" "$began"
}

# background NAME FUNCTION...: starts it, beside the steps that follow. join TITLE NAME...: the step of waiting for it.
declare -A BACKGROUND=()
background() {
  local name=$1; shift
  set -m                                 # in a process group of its own, so that it can be ended as a whole
  strictly "$@" >"$LOGS/stack-$name.log" 2>&1 </dev/null &
  BACKGROUND[$name]=$!
  set +m
}
end_background() {
  local pid
  for pid in "${BACKGROUND[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
}
join() {
  local title=$1 name began; shift
  STEP=$((STEP + 1)) began=$(date +%s.%N)
  for name; do
    [ -n "${BACKGROUND[$name]:-}" ] || continue
    wait "${BACKGROUND[$name]}" ||
      { tail -n 30 "$LOGS/stack-$name.log" >&2; die "step $STEP, $title, failed; its log is $LOGS/stack-$name.log"; }
    unset "BACKGROUND[$name]"
  done
  show_step "$title" "$began"
}

# together FUNCTION...: all at once; fails when one fails.
together() {
  local function failed=0; local -A pids=()
  for function; do strictly "$function" >"$LOGS/stack-$function.log" 2>&1 & pids[$function]=$!; done
  for function; do
    wait "${pids[$function]}" || { failed=1; echo "$function failed:"; tail -n 30 "$LOGS/stack-$function.log"; }
  done
  return $failed
}

# within SECONDS COMMAND...: tries it until it succeeds.
within() {
  local end=$((SECONDS + $1)) seconds=$1; shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "not within $seconds s: $*"; return 1; }
    sleep 0.2
  done
}
listening() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# uwsgi binds its port before the application is loaded, so only an answer counts.
answering() { curl -s -m 5 -o /dev/null "http://127.0.0.1:$1/${2:-}"; }

# write FILE <<EOF: private to root, and left alone when nothing changes.
write() {
  local new; new=$(cat; echo .)
  mkdir -p "$(dirname "$1")"
  if [ ! -f "$1" ] || [ "$(cat "$1"; echo .)" != "$new" ]; then
    ( umask 077; printf %s "${new%.}" >"$1" )
  fi
}

once() { # once MARK FUNCTION...: done again only when MARK (a name that says what it depends on) is new
  local mark=$DATA/done/$1; shift
  [ ! -e "$mark" ] || return 0
  "$@"
  mkdir -p "$DATA/done"; touch "$mark"
}
