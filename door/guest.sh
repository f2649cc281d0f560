# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `up` makes through the API once the daemons run: the local storage and the demo guest; and the
# orderly end of all guests for `down`.

sr_name="Local storage"
guest_name=demo
guest_patience=600

# The first uuid a list command gives.
first_uuid() { local_xe "$@" --minimal | cut -d, -f1; }

# The host knows its processors, storage types and NICs only after its daemons have told it; QEMU is
# asked about itself first, which takes a while the first time.
host_is_live() {
  local host
  host=$(first_uuid host-list) &&
    [[ $(local_xe host-param-get "uuid=$host" param-name=host-metrics-live) == true ]]
}

wait_for_host() {
  local deadline=$((SECONDS + 180))
  until host_is_live; do
    ((SECONDS < deadline)) || { echo "the host is not live after 180 s" && return 1; }
    sleep 0.1
  done
}

make_default_sr() {
  local sr host pool
  sr=$(first_uuid sr-list "name-label=$sr_name")
  if [[ ! $sr ]]; then
    host=$(first_uuid host-list)
    if [[ $kind == sim ]]; then
      sr=$(local_xe sr-create "host-uuid=$host" "name-label=$sr_name" type=dummy content-type=user \
        shared=false device-config:location="$state/sr")
    else
      sr=$(local_xe sr-create "host-uuid=$host" "name-label=$sr_name" type=file content-type=user \
        shared=false device-config:location="$state/sr")
    fi
  fi
  pool=$(first_uuid pool-list)
  local_xe pool-param-set "uuid=$pool" "default-SR=$sr"
}

# The builder knows by itself what it has built already. The key beside the images opens the guests
# made from them over ssh. make_demo_image LOG
make_demo_image() (
  mkdir -p "$image_dir"
  with_lock "$image_dir/.lock" "makes the demo guest's image"
  [[ -s $image_dir/guest-key ]] ||
    ssh-keygen -q -t ed25519 -N '' -C 'guests of this Kronos host' -f "$image_dir/guest-key"
  step "making the Debian 12 image" "$1" \
    "$top/templates/images/build-image" debian-12 --output "$image_dir" \
    --ssh-key "$image_dir/guest-key.pub" --prune
)

# Behind QEMU's user-mode network a guest is reached through a port of this machine.
install_demo_guest() {
  local vm network vif
  vm=$(local_xe vm-install template=debian-12 "new-name-label=$guest_name" "sr-name-label=$sr_name")
  network=$(first_uuid network-list)
  vif=$(local_xe vif-create "vm-uuid=$vm" "network-uuid=$network" device=0 mac=random)
  local_xe vif-param-set "uuid=$vif" other-config:port-forwards=0:22
}

# How to reach the demo guest with ssh; false when it does not run.
guest_ssh() {
  local port
  port=$("$top/door/forwarded-port" "https://127.0.0.1:$(cat "$state/port")" "$state/password" \
    "$guest_name" 22) && [[ $port ]] &&
    echo "ssh -i $image_dir/guest-key -p $port root@127.0.0.1"
}

wait_for_address() {
  local deadline=$((SECONDS + guest_patience)) networks
  for (( ; SECONDS < deadline; )); do
    networks=$(local_xe vm-param-get "uuid=$1" param-name=networks 2>&1) || networks=''
    if [[ $networks =~ [0-9]+\.[0-9]+\.[0-9]+\.[0-9]+ ]]; then
      echo "the guest is at ${BASH_REMATCH[0]}"
      return
    fi
    [[ $(local_xe vm-param-get "uuid=$1" param-name=power-state) == running ]] || {
      echo "the guest stopped"
      return 1
    }
    sleep 1
  done
  echo "no address within $guest_patience s; see its console: xe console vm=$guest_name"
  return 1
}

run_demo_guest() {
  local vm
  make_demo_image "$state/log/image.log"
  vm=$(first_uuid vm-list "name-label=$guest_name")
  if [[ ! $vm ]]; then
    step "installing the guest '$guest_name'" "$state/log/guest.log" install_demo_guest
    vm=$(first_uuid vm-list "name-label=$guest_name")
  fi
  if [[ $(local_xe vm-param-get "uuid=$vm" param-name=power-state) == halted ]]; then
    step "starting '$guest_name'" "$state/log/guest.log" local_xe vm-start "uuid=$vm"
  fi
  if [[ $(local_xe vm-param-get "uuid=$vm" param-name=power-state) == running ]]; then
    step "waiting until '$guest_name' reports its address" "$state/log/guest.log" \
      wait_for_address "$vm"
  fi
}

# ---- down -------------------------------------------------------------------------------------

guests_in() { local_xe vm-list is-control-domain=false "power-state=$1" --minimal | tr , ' '; }

shut_down_guests() {
  local vm
  for vm in $(guests_in running); do
    timeout 90 "$(program xe)" vm-shutdown "uuid=$vm" &
  done
  wait
}

stop_guests() {
  local vm
  if [[ $(guests_in running) ]]; then
    XAPI_URL="unix://$(socket_of xapi)" try_step "shutting guests down" "$state/log/guest.log" \
      shut_down_guests || true
  fi
  for vm in $(guests_in running) $(guests_in paused); do
    say "  $(local_xe vm-param-get "uuid=$vm" param-name=name-label) did not shut down; switching it off"
    timeout 60 env XAPI_URL="unix://$(socket_of xapi)" "$(program xe)" vm-shutdown "uuid=$vm" force=true || true
  done
}
