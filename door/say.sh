# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Words to the user, and long steps with their progress. Words go to standard error, so that the
# standard output of a subcommand holds its result and nothing else.

say() { printf '%s\n' "$*" >&2; }

die() {
  printf 'kronos: %s\n' "$*" >&2
  exit 1
}

# clock SECONDS: "2:05".
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# The last "[203/400]" or "12%" of a log: how far its program says it is.
log_progress() {
  tail -c 2000 "$1" 2>/dev/null | tr '\r' '\n' | grep -aoE '^\[[0-9]+/[0-9]+\]|[0-9]{1,3}%' | tail -n 1 || true
}

# step LABEL LOG COMMAND...: runs the command with its output in LOG, showing the time that passes
# (and how far it is, where it says so). A failure shows the log's last lines and ends kronos.
step() {
  try_step "$@" && return
  say "  the last lines of $2:"
  tail -n 25 "$2" | sed 's/^/  | /' >&2
  die "failed: $1 (everything it said: $2)"
}

# The same, but a failure is returned.
try_step() {
  local label=$1 log=$2 start=$SECONDS status=0 told=0
  shift 2
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null &
  local pid=$!
  # Jobs of a script ignore Ctrl-C; pass it on, and do not leave the step running behind our back.
  # shellcheck disable=SC2064
  trap "kill $pid 2>/dev/null; wait $pid 2>/dev/null; say; die 'interrupted: $label'" INT TERM
  [[ -t 2 ]] || say "  $label ..."
  while kill -0 "$pid" 2>/dev/null; do
    if [[ -t 2 ]]; then
      printf '\r  %s ... %s %s\e[K' "$label" "$(clock $((SECONDS - start)))" "$(log_progress "$log")" >&2
    elif ((SECONDS - start >= told + 30)); then
      told=$((SECONDS - start))
      say "  $label ... $(clock "$told") $(log_progress "$log")"
    fi
    sleep 0.2
  done
  wait "$pid" || status=$?
  trap - INT TERM
  local end='done'
  ((status == 0)) || end=failed
  if [[ -t 2 ]]; then
    printf '\r  %s: %s (%s)\e[K\n' "$label" "$end" "$(clock $((SECONDS - start)))" >&2
  else
    say "  $label: $end ($(clock $((SECONDS - start))))"
  fi
  return "$status"
}

# with_lock FILE WHAT: holds the lock until kronos ends; waits for whoever holds it. The descriptor is
# kept in lock_fds, for daemons to be started without it.
lock_fds=()
with_lock() {
  local fd
  mkdir -p "$(dirname "$1")"
  exec {fd}>>"$1"
  if ! flock --nonblock "$fd"; then
    say "  waiting for another kronos that $2 ..."
    flock --timeout 3600 "$fd" || die "another kronos $2 for an hour; the lock is $1"
  fi
  lock_fds+=("$fd")
}

need_root() {
  [[ $(id -u) == 0 ]] ||
    die "'$1' needs root: it installs packages, makes disks and starts daemons. Try: sudo ./kronos $1"
}
