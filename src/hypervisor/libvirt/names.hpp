// SPDX-License-Identifier: GPL-2.0-or-later
// The words by which the driver finds its own things again in libvirt's XML: the mark of a domain
// that is ours, device aliases made from XenAPI device numbers, and the fixed PCI slots behind
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xcp::hypervisor::libvirt {

inline constexpr const char* mark_namespace = "urn:xcp:hypervisor:1";
inline constexpr const char* mark_prefix = "xcp";
inline constexpr const char* agent_channel = "org.qemu.guest_agent.0";

// Aliases beginning with "ua-" are the user's own: libvirt keeps them as they are. "ua-vbd-1_2" is
// device 1 as well: an alias that was removed behind libvirt's back is not used again, since
// libvirt may hear of that removal late and would take it for one of the new device.
inline constexpr std::string_view disk_alias_prefix = "ua-vbd-";
inline constexpr std::string_view nic_alias_prefix = "ua-vif-";

inline std::string disk_alias(const std::string& device) {
  return std::string(disk_alias_prefix) + device;
}
inline std::string nic_alias(const std::string& device) {
  return std::string(nic_alias_prefix) + device;
}
// The device number within an alias; nullopt when it has another prefix.
inline std::optional<std::string> device_of_alias(std::string_view alias, std::string_view prefix) {
  if (!alias.starts_with(prefix)) return std::nullopt;
  alias.remove_prefix(prefix.size());
  return std::string(alias.substr(0, alias.find('_')));
}

// The i440fx bus has slots 2 to 31, and every device of ours its own: a disk or NIC that is plugged
// later finds its slot free. A disk or NIC whose number is too high gets whichever is left.
inline constexpr int video_slot = 2;
inline constexpr int serial_bus_slot = 3;
inline constexpr int balloon_slot = 4;
inline constexpr int random_slot = 5;
inline constexpr int first_nic_slot = 6;
inline constexpr int nic_slots = 7;
inline constexpr int first_disk_slot = first_nic_slot + nic_slots;
inline constexpr int disk_slots = 32 - first_disk_slot;

}  // namespace xcp::hypervisor::libvirt
