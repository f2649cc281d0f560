# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The stand-alone host: the five daemons of an installed system, started without systemd, everything
# they keep below one state directory:
#   kind port preset     what was started (sim or libvirt), where, from which build
#   password             "root:<password>", readable by root alone; what xcp-authd asks
#   run/                 sockets, and <daemon>.pid with the process's number and start time
#   log/                 one file a daemon
#   hypervisor/ storage/ network/ xapi/     what each daemon keeps
#   sr/                  the disks
# xapi runs without any privilege, as the user xapi where there is one, else as a user number that
# has no entry in /etc/passwd.

anonymous_id=64321
# In the order they start.
daemons=(xcp-authd xcp-networkd xcp-storaged xcp-hypervisord xapi)

# ---- where things are -------------------------------------------------------------------------

use_state() {
  state=$(realpath -m -- "${1:-$top/build/state}")
  # A unix socket's path has at most 107 bytes, and libvirt puts its own further down.
  ((${#state} <= 60)) || die "the path of the state directory is too long for unix sockets" \
    "(${#state} bytes, at most 60): $state. Give a shorter one with --state."
  preset=$(cat "$state/preset" 2>/dev/null || echo dev)
}

program() {
  case $1 in
    xapi) printf '%s/src/xapi/xapi' "$(build_dir "$preset")" ;;
    xe) printf '%s/src/xe/xe' "$(build_dir "$preset")" ;;
    xcp-authd) printf '%s/src/authd/xcp-authd' "$(build_dir "$preset")" ;;
    xcp-hypervisord) printf '%s/src/hypervisor/daemon/xcp-hypervisord' "$(build_dir "$preset")" ;;
    xcp-storaged) printf '%s/src/sm/xcp-storaged' "$(build_dir "$preset")" ;;
    xcp-networkd) printf '%s/ovs-integration/xcp-networkd' "$(build_dir "$preset")" ;;
  esac
}

socket_of() {
  case $1 in
    xapi) echo "$state/run/xapi.sock" ;;
    xcp-authd) echo "$state/run/auth.sock" ;;
    xcp-hypervisord) echo "$state/run/hypervisor.sock" ;;
    xcp-storaged) echo "$state/run/storage.sock" ;;
    xcp-networkd) echo "$state/run/network.sock" ;;
  esac
}

# xe as root over the local socket.
local_xe() { XAPI_URL="unix://$(socket_of xapi)" HOME=/nonexistent XE_EXTRA_ARGS='' "$(program xe)" "$@"; }

# ---- processes --------------------------------------------------------------------------------

# When a process started, in clock ticks since boot: with its number, this names it for good.
start_time() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# pid_of DAEMON: prints the number of its process if it is the one that was started.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$state/run/$1.pid" || return 1
  [[ $pid && $(start_time "$pid") == "$started" ]] && runs "$pid" && echo "$pid"
}

process_state() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1; }

# connects SOCKET: somebody accepts there.
connects() {
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$1" 2>/dev/null
}

# start_daemon NAME COMMAND...: unless it runs already; returns when its socket answers.
start_daemon() {
  local name=$1 log=$state/log/$1.log pid
  shift
  pid_of "$name" >/dev/null && return
  [[ -x $(program "$name") ]] || die "$name is not built: $(program "$name") is missing"
  (
    for fd in "${lock_fds[@]}"; do exec {fd}>&-; done
    # A new session, so that the terminal's signals do not reach it; exec keeps the process number.
    exec setsid "$@" </dev/null >>"$log" 2>&1
  ) &
  pid=$!
  disown
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$state/run/$name.pid"
  local deadline=$((SECONDS + 30))
  until connects "$(socket_of "$name")"; do
    if ! pid_of "$name" >/dev/null; then
      tail -n 15 "$log" | sed 's/^/  | /' >&2
      die "$name ended as it started; its log: $log"
    fi
    ((SECONDS < deadline)) || die "$name did not open $(socket_of "$name") within 30 s; its log: $log"
    sleep 0.02
  done
}

# A process that has ended and waits to be collected counts as ended: a container's first process may
# take its time.
runs() {
  local now
  now=$(process_state "$1")
  [[ $now && $now != Z ]]
}

# ended PID SECONDS: true as soon as it has ended, false when it has not within that time.
ended() {
  local deadline=$((SECONDS + $2))
  while runs "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.02
  done
}

# end_process PID SECONDS: asks, waits, insists.
end_process() {
  kill "$1" 2>/dev/null || return 0
  ended "$1" "$2" && return
  kill -KILL "$1" 2>/dev/null || return 0
  ended "$1" 10
}

stop_daemon() {
  local pid
  if pid=$(pid_of "$1"); then
    end_process "$pid" 15 || die "$1 (process $pid) cannot be stopped"
  fi
  rm -f "$state/run/$1.pid" "$(socket_of "$1")"
}

# ---- the identity of xapi ---------------------------------------------------------------------

find_identity() {
  if getent passwd xapi >/dev/null; then
    xapi_uid=$(id -u xapi) xapi_gid=$(id -g xapi)
  else
    xapi_uid=$anonymous_id xapi_gid=$anonymous_id
  fi
  drop_privileges=(setpriv --reuid "$xapi_uid" --regid "$xapi_gid" --clear-groups --no-new-privs
    --inh-caps=-all --bounding-set=-all --)
}

# xapi must reach its program, the templates and its state. Where the tree lies in a directory closed
# to it (/root), it runs in a mount namespace of its own, in which the two are bound to other places;
# the namespace ends with it.
xapi_sees_tree() {
  "${drop_privileges[@]}" test -x "$(program xapi)" -a -r "$top/templates" -a -x "$state/run" 2>/dev/null
}

# ---- up ---------------------------------------------------------------------------------------

port_is_free() { [[ ! $(ss -Hltn "sport = :$1") ]]; }

# free_port FIRST LAST: the first of these ports that nobody listens on, at any address.
free_port() {
  local port
  for ((port = $1; port <= $2; ++port)); do
    port_is_free "$port" && echo "$port" && return
  done
}

# The port of a host that does not run yet: the one that was asked for, or the one it had, or another
# if somebody else has that now.
choose_port() {
  local port
  port=${wanted_port:-$(cat "$state/port" 2>/dev/null || true)}
  if [[ $wanted_port ]]; then
    port_is_free "$port" || die "port $port is in use: $(ss -Hltnp "sport = :$port" | head -n 1)"
  elif [[ ! $port ]] || ! port_is_free "$port"; then
    port=$(free_port 8443 8542) || die "no free TCP port from 8443 to 8542; give one with --port"
  fi
  echo "$port" >"$state/port"
}

# xapi leaves a port to its owner and goes on without HTTPS; here that is a failure.
check_port() {
  local port
  port=$(cat "$state/port")
  # Its first answer comes when all its sockets are open.
  local_xe host-list --minimal >/dev/null
  [[ $(ss -Hltnp "sport = :$port") == *"pid=$(pid_of xapi),"* ]] ||
    die "xapi does not listen on port $port; its log: $state/log/xapi.log"
}

parse_up() {
  kind=libvirt wanted_port='' wanted_preset=''
  local directory=''
  while (($#)); do
    case $1 in
      --sim) kind=sim && shift ;;
      --port) wanted_port=${2:?"--port takes a number"} && shift 2 ;;
      --state) directory=${2:?"--state takes a directory"} && shift 2 ;;
      --preset) wanted_preset=${2:?"--preset takes a name"} && shift 2 ;;
      *) die "up has no option '$1'" ;;
    esac
  done
  use_state "$directory"
  preset=${wanted_preset:-$preset}
}

prepare_state() {
  local kept
  kept=$(cat "$state/kind" 2>/dev/null || echo "$kind")
  [[ $kept == "$kind" ]] ||
    die "$state holds a host of kind $kept, not $kind; choose another directory with --state"
  find_identity
  mkdir -p "$state"
  chmod 755 "$state"
  install -d -m 755 "$state"/{log,kernels}
  # Sticky: xapi makes its own socket here and can remove no other.
  install -d -m 1775 -g "$xapi_gid" "$state/run"
  install -d -m 700 "$state"/{hypervisor,storage,network,sr}
  install -d -m 700 -o "$xapi_uid" -g "$xapi_gid" "$state/xapi"
  echo "$kind" >"$state/kind"
  echo "$preset" >"$state/preset"
  if [[ ! -s $state/password ]]; then
    (umask 077 && printf 'root:%s\n' "$(openssl rand -hex 12)" >"$state/password")
  fi
  if pid_of xapi >/dev/null; then
    [[ ! $wanted_port || $(cat "$state/port") == "$wanted_port" ]] ||
      die "the host runs on port $(cat "$state/port"); take it down first"
  else
    choose_port
  fi
}

start_xapi() {
  local tree=$top kept=$state
  local -a inside=()
  if ! xapi_sees_tree; then
    unshare --mount true 2>/dev/null || die "user number $xapi_uid cannot enter $top or $state," \
      "and this machine allows no mount namespaces; move the tree to where others may read it"
    inside=(unshare --mount --propagation private -- "$top/door/in-namespace" "$top" "$state")
    tree=/mnt/tree kept=/mnt/state
  fi
  local binary
  binary=$(program xapi)
  local -a arguments=(
    --https-port "$(cat "$state/port")" --listen 127.0.0.1 --group "$xapi_gid"
    --state-dir "$kept/xapi" --socket "$kept/run/xapi.sock"
    --hypervisor-socket "$kept/run/hypervisor.sock" --storage-socket "$kept/run/storage.sock"
    --network-socket "$kept/run/network.sock" --auth-socket "$kept/run/auth.sock"
    --templates-dir "$tree/templates" --kernel-dir "$state/kernels"
  )
  start_daemon xapi "${inside[@]}" "${drop_privileges[@]}" "$tree${binary#"$top"}" "${arguments[@]}"
  check_port
}

start_daemons() {
  local networks=user
  [[ $kind == sim ]] && networks=sim
  start_daemon xcp-authd "$(program xcp-authd)" --socket "$(socket_of xcp-authd)" \
    --password-file "$state/password" --group "$xapi_gid"
  start_daemon xcp-networkd "$(program xcp-networkd)" --socket "$(socket_of xcp-networkd)" \
    --state-dir "$state/network" --backend "$networks" --group "$xapi_gid"
  start_daemon xcp-storaged "$(program xcp-storaged)" --socket "$(socket_of xcp-storaged)" \
    --state-dir "$state/storage" --image-dir "$image_dir" --group "$xapi_gid"
  start_daemon xcp-hypervisord "$(program xcp-hypervisord)" --socket "$(socket_of xcp-hypervisord)" \
    --state-dir "$state/hypervisor" --driver "$kind" --group "$xapi_gid" \
    --module-dir "$(build_dir "$preset")/lib/xcp/hypervisor"
  start_xapi
}

host_up() {
  parse_up "$@"
  need_root up
  image_dir=${KRONOS_IMAGES:-$top/build/images}
  say "Kronos host in $state"
  if [[ $kind == libvirt ]]; then need_packages build tools run; else need_packages build tools; fi
  local -a product
  mapfile -t product < <(product_targets)
  build "$preset" "${product[@]}"
  with_lock "$state/.lock" "starts or stops this host"
  prepare_state
  mkdir -p "$image_dir"
  start_daemons
  host_is_live || step "waiting until the host knows itself" "$state/log/guest.log" wait_for_host
  make_default_sr
  [[ $kind == sim ]] || run_demo_guest
  host_summary
}

host_summary() {
  local url password
  url=https://127.0.0.1:$(cat "$state/port")
  password=$(cut -d: -f2- "$state/password")
  local option=''
  [[ $state == "$top/build/state" ]] || option=" --state $state"
  say ""
  say "The host is up."
  local_xe vm-list is-control-domain=false params=name-label,power-state,networks >&2
  if [[ $kind != sim ]]; then
    say "  its console    xe console vm=$guest_name   (root, password kronos; leave with Ctrl-])"
    say "  log in to it    $(guest_ssh || echo '(it is not running)')"
  fi
  cat >&2 <<TEXT
  in this shell   eval "\$(./kronos env$option)"; xe vm-list
  XenAPI          $url   user root   password $password
  logs            $state/log
  stop it         ./kronos down$option
TEXT
}

# ---- down, status, env ------------------------------------------------------------------------

parse_state() {
  local directory=''
  case ${1:-} in
    '') ;;
    --state) directory=${2:?"--state takes a directory"} ;;
    *) die "no option '$1' here" ;;
  esac
  use_state "$directory"
}

# Processes that work on this state directory and were left by a daemon that is gone: QEMU and its
# disk servers, told by their program and by a command line that names the directory.
strays() {
  local entry pid
  for entry in /proc/[0-9]*/cmdline; do
    pid=${entry#/proc/}
    pid=${pid%/cmdline}
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
      */qemu-system-* | */qemu-storage-daemon* | */qemu-nbd* | */qemu-img*) ;;
      *) continue ;;
    esac
    tr '\0' '\n' 2>/dev/null <"$entry" | grep -qF -- "$state/" && echo "$pid"
  done
  return 0
}

host_down() {
  parse_state "$@"
  if [[ ! -d $state/run ]]; then
    say "nothing runs in $state"
    return
  fi
  need_root down
  with_lock "$state/.lock" "starts or stops this host"
  local name pid
  if pid_of xapi >/dev/null && pid_of xcp-hypervisord >/dev/null; then stop_guests; fi
  for name in xapi xcp-hypervisord xcp-storaged xcp-networkd xcp-authd; do stop_daemon "$name"; done
  for pid in $(strays); do
    say "  ending process $pid, which was left behind: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-60)"
    end_process "$pid" 10 || true
  done
  local mounted
  while read -r mounted; do umount "$mounted"; done < <(
    awk -v below="$state/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
  say "The host in $state is down."
}

host_status() {
  parse_state "$@"
  local name pid down=0
  for name in "${daemons[@]}"; do
    if pid=$(pid_of "$name"); then
      printf '%-16s running, process %s, %s MB\n' "$name" "$pid" \
        "$(awk '/^VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$pid/status")"
    else
      printf '%-16s not running\n' "$name"
      down=$((down + 1))
    fi
  done
  ((down == 0))
}

host_env() {
  parse_state "$@"
  pid_of xapi >/dev/null || die "no host runs in $state; start it with ./kronos up"
  [[ -r $state/password ]] || die "$state/password can be read by root alone"
  # shellcheck disable=SC2016
  printf 'export XAPI_URL=%q XAPI_USER=root XAPI_PASSWORD=%q PATH=%q:"$PATH"\n' \
    "https://127.0.0.1:$(cat "$state/port")" "$(cut -d: -f2- "$state/password")" \
    "$(dirname "$(program xe)")"
}
