# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab: a Debian 12 host in QEMU, without KVM, that starts through its own GRUB into the distribution's
# Xen and has our packages from a signed repository, installed as a user does. Made once and cached:
# what the disk is made of. Each run writes to an overlay that goes with it. Of this machine only files
# below build/lab and the cache are touched, and one port of 127.0.0.1.

lab_cache=${XDG_CACHE_HOME:-$HOME/.cache}/kronos/lab
lab_dir=$top/build/lab
lab_logs=$top/build/log
# A busy machine takes three times what an idle one does.
lab_boot_seconds=${KRONOS_LAB_BOOT_SECONDS:-900}

# ---- what is made once ------------------------------------------------------------------------

lab_dependencies() { dependencies_of_ours Depends Recommends; }

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

# ---- the machine ------------------------------------------------------------------------------

lab_runs() { [[ -s $lab_dir/pid ]] && kill -0 "$(cat "$lab_dir/pid")" 2>/dev/null; }

lab_ssh() {
  [[ -s $lab_dir/port ]] || die "the lab is not up; try: ./kronos lab up"
  ssh -q -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
    -o ControlMaster=auto -o "ControlPath=$lab_dir/ssh" -o ControlPersist=600 -o ConnectTimeout=20 \
    -i "$lab_cache/key" -p "$(cat "$lab_dir/port")" root@127.0.0.1 "$@"
}

lab_start_qemu() {
  local fd
  for fd in "${lock_fds[@]}"; do exec {fd}>&-; done
  # Guests of this host have 10.0.2.0/24 to themselves.
  nice qemu-system-x86_64 -name kronos-lab -accel tcg,thread=multi -cpu qemu64,+svm,+npt -smp 2 -m 5G \
    -nodefaults -display none -serial "file:$lab_dir/console" -pidfile "$lab_dir/pid" -daemonize \
    -drive "file=$lab_dir/host.qcow2,if=virtio,cache=unsafe" \
    -drive "file=$lab_dir/repository.img,if=virtio,format=raw,readonly=on" \
    -drive "file=$lab_dir/images.img,if=virtio,format=raw,cache=unsafe" \
    -nic "user,model=virtio,net=10.77.0.0/24,hostfwd=tcp:127.0.0.1:$(cat "$lab_dir/port")-:22" \
    -device virtio-rng-pci
}

# lab_wait_boot OLD: until a system that is not boot OLD is up; prints its boot id.
lab_wait_boot() {
  local deadline=$((SECONDS + lab_boot_seconds)) id
  while ((SECONDS < deadline)); do
    lab_runs || {
      tail -n 20 "$lab_dir/console"
      echo "the lab host ended"
      return 1
    } >&2
    id=$(lab_ssh 'systemctl is-system-running --wait >/dev/null; cat /proc/sys/kernel/random/boot_id' 2>/dev/null)
    if [[ $id && $id != "$1" ]]; then
      echo "$id" >"$lab_dir/boot_id"
      return 0
    fi
    sleep 0.5
  done
  tail -n 20 "$lab_dir/console" >&2
  echo "the lab host was not up after $lab_boot_seconds s" >&2
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
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install xcp-xapi'
}

lab_reboot() {
  local old
  old=$(cat "$lab_dir/boot_id")
  lab_ssh 'systemctl reboot' || true
  ssh -q -o "ControlPath=$lab_dir/ssh" -O exit lab 2>/dev/null || true
  lab_wait_boot "$old"
}

lab_up() {
  (($# == 0)) || die "lab up takes no arguments yet; a lab of several hosts is not there"
  need_root lab
  need_packages build tools run lab
  mkdir -p "$lab_dir"
  with_lock "$lab_dir/.lock" "makes the lab"
  if lab_runs; then
    say "The lab is up already."
    return 0
  fi
  "$top/door/make-packages" >/dev/null
  lab_ssh_key
  local disk
  disk=$(lab_disk)
  rm -f "$lab_dir"/{host.qcow2,pid,port,ssh,boot_id,console}
  lab_images
  step "making the repository" "$lab_logs/lab-repository.log" lab_repository
  qemu-img create -q -f qcow2 -b "$disk" -F raw "$lab_dir/host.qcow2"
  free_port 10022 10121 >"$lab_dir/port" || die "no free TCP port from 10022 to 10121"
  step "starting the lab host" "$lab_logs/lab-qemu.log" lab_start_qemu
  step "booting Debian through GRUB" "$lab_logs/lab-boot.log" lab_wait_boot none
  step "apt-get install xcp-xapi" "$lab_logs/lab-install.log" lab_install
  step "rebooting into Xen" "$lab_logs/lab-reboot.log" lab_reboot
  lab_ssh 'grep -q control_d /proc/xen/capabilities' || die "the lab host came up without Xen: $lab_dir/console"
  say "The lab is up. ./kronos lab run CMD, lab ssh, lab test, lab down"
}

lab_down() {
  if lab_runs; then
    local pid
    pid=$(cat "$lab_dir/pid")
    ssh -q -o "ControlPath=$lab_dir/ssh" -O exit lab 2>/dev/null || true
    kill "$pid"
    tail --pid="$pid" -f /dev/null
  fi
  rm -rf "$lab_dir"/{host.qcow2,pid,port,ssh,boot_id,repository,repository.img,gnupg}
}

lab() {
  local action=${1:-}
  shift || true
  case $action in
    up) lab_up "$@" ;;
    run)
      (($#)) || die "lab run CMD: the command is missing"
      lab_ssh "$@"
      ;;
    ssh) lab_ssh -t "$@" ;;
    test) run_lanes lab ;;
    down) lab_down ;;
    *) die "lab up | run CMD | ssh | test | down" ;;
  esac
}
