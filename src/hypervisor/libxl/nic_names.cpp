// SPDX-License-Identifier: GPL-2.0-or-later
// See nic_names.hpp.
#include "hypervisor/libxl/nic_names.hpp"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "hypervisor/libxl/xenstore.hpp"

namespace xcp::hypervisor::libxl {

namespace {

ifreq request_for(const std::string& name) {
  ifreq request{};
  strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

// The kernel renames only what is down. Its bridge keeps it.
bool rename_device(const std::string& from, const std::string& to) {
  if (to.size() >= IFNAMSIZ) return false;
  const UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq flags = request_for(from);
  if (!control || ioctl(control.get(), SIOCGIFFLAGS, &flags) != 0) return false;
  const bool up = (flags.ifr_flags & IFF_UP) != 0;
  if (up) {
    flags.ifr_flags &= static_cast<short>(~IFF_UP);
    if (ioctl(control.get(), SIOCSIFFLAGS, &flags) != 0) return false;
  }
  ifreq request = request_for(from);
  strncpy(request.ifr_newname, to.c_str(), IFNAMSIZ - 1);
  const bool renamed = ioctl(control.get(), SIOCSIFNAME, &request) == 0;
  if (up) {
    flags = request_for(renamed ? to : from);
    if (ioctl(control.get(), SIOCGIFFLAGS, &flags) != 0) return renamed;
    flags.ifr_flags |= IFF_UP;
    ioctl(control.get(), SIOCSIFFLAGS, &flags);
  }
  return renamed;
}

// Open vSwitch knows its ports by name.
bool on_bridge_of_kernel(const NicSpec& nic) {
  return nic.backing == NicBacking::none ||
         access(("/sys/class/net/" + nic.bridge + "/bridge").c_str(), F_OK) == 0;
}

}  // namespace

std::string default_nic_name(std::uint32_t domid, const std::string& device) {
  return "vif" + std::to_string(domid) + "." + device;
}

void name_backend(std::uint32_t domid, NicSpec& nic, GuestType type) {
  const std::string given = default_nic_name(domid, nic.device);
  if (nic.host_device.empty() || nic.host_device == given) return;
  if (if_nametoindex(given.c_str()) == 0 && if_nametoindex(nic.host_device.c_str()) != 0)
    return;  // it has its name
  if (!on_bridge_of_kernel(nic) || !rename_device(given, nic.host_device)) {
    nic.host_device = given;
    return;
  }
  if (type == GuestType::hvm) rename_device(given + "-emu", nic.host_device + "-emu");
  // For the hotplug script at its end, and for whoever looks.
  const std::string number = std::to_string(domid);
  try {
    Xenstore store;
    store.write("/local/domain/0/backend/vif/" + number + "/" + nic.device + "/vifname",
                nic.host_device);
    store.write("/libxl/" + number + "/device/vif/" + nic.device + "/vifname", nic.host_device);
  } catch (const Failure&) {
    // It works without.
  }
}

}  // namespace xcp::hypervisor::libxl
