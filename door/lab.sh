# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab: a Debian 12 host in QEMU, without KVM, that starts through its own GRUB into the distribution's
# Xen and has our packages from a signed repository, installed as a user does. Made once and cached:
# what the disk is made of. Each run writes to an overlay that goes with it. Of this machine only files
# below build/lab and the cache are touched, and ports of 127.0.0.1. A lab of several hosts has a network of
# their own besides (10.78.0.N, names host1 to hostN) and the first host's NFS export /srv/shared on all.

lab_cache=${XDG_CACHE_HOME:-$HOME/.cache}/kronos/lab
lab_dir=$top/build/lab
lab_logs=$top/build/log
# A busy machine takes three times what an idle one does.
lab_boot_seconds=${KRONOS_LAB_BOOT_SECONDS:-900}
# The host that is spoken of, and how many there are.
lab_host=1
lab_hosts=1
lab_most_hosts=4

# ---- what is made once ------------------------------------------------------------------------

lab_dependencies() {
  dependencies_of_ours Depends Recommends
  printf '%s\n' nfs-kernel-server nfs-common
}

lab_ssh_key() {
  mkdir -p "$lab_cache"
  [[ -s $lab_cache/key ]] || ssh-keygen -q -t ed25519 -N '' -C kronos-lab -f "$lab_cache/key"
}

# Prints the disk's path; what is not of this content is removed.
lab_disk() {
  local key
  key=$({ lab_dependencies && cat "$top/tests/lab/make-base" "$top/tests/lab/make-disk" "$lab_cache/key.pub"; } |
    sha256sum | cut -c1-16)
  local disk=$lab_cache/disk-$key
  if [[ ! -s $disk ]]; then
    find "$lab_cache" -maxdepth 1 -name 'disk-*' -prune -exec rm -rf {} +
    # shellcheck disable=SC2046
    step "making a Debian 12" "$lab_logs/lab-base.log" \
      "$top/tests/lab/make-base" "$lab_cache/base.tar" $(lab_dependencies)
    step "making its disk" "$lab_logs/lab-disk.log" \
      "$top/tests/lab/make-disk" "$lab_cache/base.tar" "$disk" "$lab_cache/key.pub"
    rm -f "$lab_cache/base.tar"
  fi
  printf '%s\n' "$disk"
}

# Our packages in a repository signed with a key made for it, as an ext4 image.
lab_repository() {
  local from=$top/build/packages/repository to=$lab_dir/repository
  export GNUPGHOME=$lab_dir/gnupg
  rm -rf "$to" "$lab_dir/repository.img"
  mkdir -p "$to"
  if [[ ! -d $GNUPGHOME ]]; then
    mkdir -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Kronos lab <lab@kronos.invalid>' ed25519 sign never
  fi
  cp "$from"/*.deb "$to"
  (cd "$to" && dpkg-scanpackages --multiversion . >Packages) 2>/dev/null
  {
    printf 'Origin: Kronos\nSuite: lab\nArchitectures: amd64 all\nDate: %s\nSHA256:\n' "$(date -uR)"
    printf ' %s %s Packages\n' "$(sha256sum <"$to/Packages" | cut -d' ' -f1)" "$(stat -c %s "$to/Packages")"
  } >"$to/Release"
  gpg --batch --quiet --clearsign --output "$to/InRelease" "$to/Release"
  gpg --batch --quiet --export >"$to/kronos.gpg"
  gpgconf --kill all
  mke2fs -q -t ext4 -L repository -d "$to" "$lab_dir/repository.img" "$(($(du -sm "$to" | cut -f1) + 64))M"
}

# The images of the guest templates, as an ext4 image; made anew when they changed.
lab_images() {
  image_dir=${KRONOS_IMAGES:-$top/build/images}
  make_demo_image "$lab_logs/lab-image.log"
  [[ $lab_dir/images.img -nt $image_dir/debian-12.json ]] && return 0
  rm -rf "$lab_dir/images" "$lab_dir/images.img"
  mkdir -p "$lab_dir/images"
  cp -L --reflink=auto "$image_dir"/debian-12.* "$lab_dir/images"
  mke2fs -q -t ext4 -d "$lab_dir/images" "$lab_dir/images.img" "$(($(du -sm "$lab_dir/images" | cut -f1) + 64))M"
  rm -rf "$lab_dir/images"
}

# ---- the machines -----------------------------------------------------------------------------

# file_of NAME: of the host that is spoken of: host.qcow2, images.qcow2, pid, port, ssh, boot_id, console.
file_of() { printf '%s/host%d/%s\n' "$lab_dir" "$lab_host" "$1"; }

lab_runs() { [[ -s $(file_of pid) ]] && kill -0 "$(cat "$(file_of pid)")" 2>/dev/null; }

# on_each FUNCTION ARGUMENT...: for every host at the same time; fails if it fails for one.
on_each() {
  local pids=() pid status=0
  for ((lab_host = 1; lab_host <= lab_hosts; ++lab_host)); do
    "$@" &
    pids+=($!)
  done
  lab_host=1
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  return "$status"
}

lab_ssh() {
  [[ -s $(file_of port) ]] || die "the lab has no host $lab_host; try: ./kronos lab up --hosts $lab_host"
  ssh -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
    -o ControlMaster=auto -o "ControlPath=$(file_of ssh)" -o ControlPersist=600 -o ConnectTimeout=20 \
    -i "$lab_cache/key" -p "$(cat "$(file_of port)")" root@127.0.0.1 "$@"
}

lab_hang_up() { ssh -q -o "ControlPath=$(file_of ssh)" -O exit lab 2>/dev/null || true; }

lab_start_qemu() {
  local fd
  local -a links=()
  for fd in "${lock_fds[@]}"; do exec {fd}>&-; done
  mkdir -p "$lab_dir/host$lab_host"
  # Hosts that start at the same time look at different ports.
  local ports=$((9922 + 100 * lab_host))
  free_port "$ports" $((ports + 99)) >"$(file_of port)" || die "no free TCP port from $ports to $((ports + 99))"
  qemu-img create -q -f qcow2 -b "$1" -F raw "$(file_of host.qcow2)"
  qemu-img create -q -f qcow2 -b "$lab_dir/images.img" -F raw "$(file_of images.qcow2)"
  ((lab_hosts == 1)) || mapfile -t links < <(lab_links)
  # Guests of a host have 10.0.2.0/24 to themselves.
  nice qemu-system-x86_64 -name "kronos-lab-$lab_host" -accel tcg,thread=multi -cpu qemu64,+svm,+npt -smp 2 -m 5G \
    -nodefaults -display none -serial "file:$(file_of console)" -pidfile "$(file_of pid)" -daemonize \
    -drive "file=$(file_of host.qcow2),if=virtio,cache=unsafe" \
    -drive "file=$lab_dir/repository.img,if=virtio,format=raw,readonly=on" \
    -drive "file=$(file_of images.qcow2),if=virtio,cache=unsafe" \
    -nic "user,model=virtio,net=10.77.0.0/24,hostfwd=tcp:127.0.0.1:$(cat "$(file_of port)")-:22" \
    -device virtio-rng-pci "${links[@]}"
}

# Options of QEMU, one a line, for the hosts' own network: the first host's is a hub with a line to each of the
# others. Frames go over sockets in files; nothing of this machine's network is used.
lab_links() {
  local number
  link_to() {
    echo "dgram,id=$1,local.type=unix,local.path=$lab_dir/link-$2-$3,remote.type=unix,remote.path=$lab_dir/link-$3-$2"
  }
  if ((lab_host == 1)); then
    printf '%s\n' -netdev hubport,id=private,hubid=1
    for ((number = 2; number <= lab_hosts; ++number)); do
      printf '%s\n' -netdev "$(link_to "to$number" 1 "$number")" \
        -netdev "hubport,id=port$number,hubid=1,netdev=to$number"
    done
  else
    printf '%s\n' -netdev "$(link_to private "$lab_host" 1)"
  fi
  printf '%s\n' -device "virtio-net-pci,netdev=private,mac=$(lab_private_mac)"
}

lab_private_mac() { printf '52:54:00:78:00:%02x\n' "$lab_host"; }

# Until a system is up that is not the one whose boot id is in the host's file.
lab_wait_boot() {
  local deadline=$((SECONDS + lab_boot_seconds)) id old
  old=$(cat "$(file_of boot_id)" 2>/dev/null) || true
  while ((SECONDS < deadline)); do
    lab_runs || {
      tail -n 20 "$(file_of console)"
      echo "the lab's host $lab_host ended"
      return 1
    } >&2
    id=$(lab_ssh 'systemctl is-system-running --wait >/dev/null; cat /proc/sys/kernel/random/boot_id' 2>/dev/null)
    if [[ $id && $id != "$old" ]]; then
      echo "$id" >"$(file_of boot_id)"
      return 0
    fi
    sleep 0.5
  done
  tail -n 20 "$(file_of console)" >&2
  echo "the lab's host $lab_host was not up after $lab_boot_seconds s" >&2
  return 1
}

# What a user types, and the repository it comes from.
lab_install() {
  lab_ssh 'set -e
    mkdir -p /srv/kronos /etc/apt/keyrings
    mkdir -p /var/lib/xcp/images
    echo "/dev/vdb /srv/kronos ext4 ro,nofail 0 0" >>/etc/fstab
    echo "/dev/vdc /var/lib/xcp/images ext4 nofail 0 0" >>/etc/fstab
    mount /srv/kronos
    mount /var/lib/xcp/images
    cp /srv/kronos/kronos.gpg /etc/apt/keyrings/
    echo "deb [signed-by=/etc/apt/keyrings/kronos.gpg] file:/srv/kronos ./" >/etc/apt/sources.list.d/kronos.list
    apt-get -q update -o Dir::Etc::sourcelist=sources.list.d/kronos.list -o Dir::Etc::sourceparts=- \
      -o APT::Get::List-Cleanup=0
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -y install xcp-xapi
    # The disk takes nothing that is only recommended, so as to be small; these are wanted all the same.
    apt-get -q -y install xcp-xl xcp-guest-templates ovmf'
}

# One host among several: its name, its address on their network (on the bridge labbr0, for guests as well), the
# others' names, root's way to them, and the directory that all share. The reboot that follows brings it up.
lab_join() {
  local hosts="" number
  for ((number = 1; number <= lab_hosts; ++number)); do hosts+="10.78.0.$number host$number"$'\n'; done
  lab_ssh 'cat >/root/.ssh/id_ed25519 && chmod 600 /root/.ssh/id_ed25519' <"$lab_cache/key"
  lab_ssh "set -e
    echo host$lab_host >/etc/hostname
    hostname host$lab_host
    printf '127.0.0.1 localhost\n%s' '$hosts' >/etc/hosts
    cd /etc/systemd/network
    printf '[NetDev]\nName=labbr0\nKind=bridge\n' >10-labbr0.netdev
    printf '[Match]\nName=labbr0\n[Network]\nAddress=10.78.0.$lab_host/24\nLinkLocalAddressing=no\n' >10-labbr0.network
    printf '[Match]\nName=en*\nMACAddress=$(lab_private_mac)\n[Network]\nBridge=labbr0\n' >10-private.network
    printf 'Host host*\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n' >/root/.ssh/config
    mkdir -p /srv/shared
    export DEBIAN_FRONTEND=noninteractive
    if test $lab_host = 1; then
      echo '/srv/shared 10.78.0.0/24(rw,no_root_squash,no_subtree_check)' >/etc/exports
      apt-get -q -y install nfs-kernel-server
    else
      apt-get -q -y install nfs-common
      echo 'host1:/srv/shared /srv/shared nfs _netdev,nofail,x-systemd.automount 0 0' >>/etc/fstab
    fi"
}

lab_reboot() {
  lab_ssh 'systemctl reboot' || true
  lab_hang_up
  lab_wait_boot
}

lab_is_xen() {
  lab_ssh 'grep -q control_d /proc/xen/capabilities' ||
    die "the lab's host $lab_host came up without Xen: $(file_of console)"
}

lab_up() {
  while (($#)); do
    case $1 in
      --hosts)
        [[ ${2:-} =~ ^[1-9]$ ]] || die "--hosts takes a number from 1 to $lab_most_hosts"
        (($2 <= lab_most_hosts)) || die "a lab has at most $lab_most_hosts hosts"
        lab_hosts=$2
        shift 2
        ;;
      *) die "lab up [--hosts N]" ;;
    esac
  done
  need_root lab
  need_packages build tools run lab
  mkdir -p "$lab_dir"
  with_lock "$lab_dir/.lock" "makes the lab"
  if lab_runs; then
    lab_host=$lab_hosts
    lab_runs || die "the lab is up with fewer than $lab_hosts hosts; ./kronos lab down first"
    say "The lab is up already."
    return 0
  fi
  "$top/door/make-packages" >/dev/null
  lab_ssh_key
  local disk
  disk=$(lab_disk)
  rm -rf "$lab_dir"/{host,link-}*
  lab_images
  step "making the repository" "$lab_logs/lab-repository.log" lab_repository
  step "starting $lab_hosts lab host(s)" "$lab_logs/lab-qemu.log" on_each lab_start_qemu "$disk"
  step "booting Debian through GRUB" "$lab_logs/lab-boot.log" on_each lab_wait_boot
  step "apt-get install xcp-xapi" "$lab_logs/lab-install.log" on_each lab_install
  ((lab_hosts == 1)) || step "joining them" "$lab_logs/lab-join.log" on_each lab_join
  step "rebooting into Xen" "$lab_logs/lab-reboot.log" on_each lab_reboot
  on_each lab_is_xen
  say "The lab is up. ./kronos lab run CMD, lab ssh, lab test, lab down"
}

lab_down() {
  local pid
  for ((lab_host = 1; lab_host <= lab_most_hosts; ++lab_host)); do
    lab_runs || continue
    pid=$(cat "$(file_of pid)")
    lab_hang_up
    kill "$pid"
    tail --pid="$pid" -f /dev/null
  done
  rm -rf "$lab_dir"/{host*,link-*,repository,repository.img,gnupg}
}

lab() {
  local action=${1:-}
  shift || true
  if [[ $action == run || $action == ssh ]] && [[ ${1:-} == --host ]]; then
    lab_host=${2:-}
    [[ $lab_host =~ ^[1-9]$ ]] || die "lab $action --host N"
    shift 2
  fi
  case $action in
    up) lab_up "$@" ;;
    run)
      (($#)) || die "lab run [--host N] CMD: the command is missing"
      lab_ssh "$@"
      ;;
    ssh) lab_ssh -t "$@" ;;
    test) run_lanes lab ;;
    down) lab_down ;;
    *) die "lab up [--hosts N] | run [--host N] CMD | ssh [--host N] | test | down" ;;
  esac
}
