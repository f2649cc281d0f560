# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The distribution's packages: which ones a subcommand needs (packages.list says), which are missing,
# and their installation. No service is started or enabled by it.

package_manager() {
  if command -v apt-get >/dev/null; then
    echo apt
  elif command -v dnf >/dev/null; then
    echo dnf
  else
    die "neither apt-get nor dnf is here; kronos knows Debian 12 and its kin, and Fedora"
  fi
}

# packages_of MANAGER GROUP...: names, one a line.
packages_of() {
  local manager=$1
  shift
  awk -v column="$([[ $manager == apt ]] && echo 2 || echo 3)" -v groups="$*" '
    BEGIN { n = split(groups, list, " "); for (i = 1; i <= n; ++i) wanted[list[i]] = 1 }
    /^#/ || NF < 3 { next }
    ($1 in wanted) && $column != "-" { print $column }' "$top/door/packages.list" | sort -u
}

# dependencies_of_ours FIELD...: what our packages, once they are built, name in these fields (Depends,
# Recommends), without each other; one a line.
dependencies_of_ours() {
  local package
  for package in "$top"/build/packages/repository/*.deb; do
    dpkg-deb -f "$package" "$@" | sed 's/^[A-Za-z]*: //' | tr ',' '\n' |
      sed -E 's/\|.*//; s/\(.*\)//; s/:any//; s/ //g'
  done | grep -v -e '^xcp-' -e '^$' | sort -u
}

# missing_packages MANAGER NAME...
missing_packages() {
  local manager=$1
  shift
  if [[ $manager == apt ]]; then
    comm -23 <(printf '%s\n' "$@" | sort) <(
      # Another version of node may come with an npm of its own.
      { dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null || true; } |
        awk '$2 == "installed" { print $1 }' |
        cat - <(command -v npm >/dev/null && echo npm) | sort -u
    )
  else
    local name
    for name in "$@"; do rpm -q --quiet "$name" || echo "$name"; done
  fi
}

# Installing libvirt or QEMU must not start anything on this machine.
without_services() {
  local policy=/usr/sbin/policy-rc.d status=0
  if [[ -e $policy ]]; then
    "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  "$@" || status=$?
  rm -f "$policy"
  trap - EXIT
  return "$status"
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=600 update &&
    without_services apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"
}

# What was installed for us alone must not come up at the next boot either.
keep_services_asleep() {
  command -v systemctl >/dev/null || return 0
  local unit
  for unit in "$@"; do
    systemctl --quiet disable "$unit" 2>/dev/null || true
  done
}

keep_libvirt_asleep() {
  keep_services_asleep libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket \
    libvirt-guests.service virtlogd.socket virtlockd.socket
}

# need_packages GROUP...: installs what is missing of these groups.
need_packages() {
  local manager missing
  manager=$(package_manager)
  local -a names
  mapfile -t names < <(packages_of "$manager" "$@")
  ((${#names[@]})) || return 0
  mapfile -t missing < <(missing_packages "$manager" "${names[@]}")
  ((${#missing[@]})) || return 0
  [[ $(id -u) == 0 ]] || die "packages are missing and only root can install them: ${missing[*]}"
  local label="installing ${#missing[@]} packages" log="$top/build/log/packages.log"
  if [[ $manager == apt ]]; then
    step "$label" "$log" apt_install "${missing[@]}"
  else
    step "$label" "$log" dnf -y --setopt=install_weak_deps=False install "${missing[@]}"
  fi
  if [[ " ${missing[*]} " == *" libvirt-daemon"* ]]; then keep_libvirt_asleep; fi
  if [[ " ${missing[*]} " == *" openvswitch"* ]]; then
    keep_services_asleep openvswitch-switch.service openvswitch.service
  fi
}
