// SPDX-License-Identifier: GPL-2.0-or-later
// Names of devices, MAC addresses, and the mark that says which devices are ours. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace xcp::network {

// Something the kernel takes as the name of a network device: 1 to 15 visible characters.
bool is_device_name(std::string_view text);

// "xapi0", "xapi1", ...: the first that is not in `taken`.
std::string free_bridge_name(const std::set<std::string>& taken);

// The tap of a VIF: "tap" and eight digits of its uuid, other digits when those are taken.
std::string port_device_name(const std::string& vif_uuid, const std::set<std::string>& taken);
// The device that slows a port down; its name follows from the port's.
std::string shaper_device_name(const std::string& port_device);

// Lower case with colons; nullopt for what no NIC of a guest may have (malformed, multicast, zero).
std::optional<std::string> normal_mac(std::string_view text);

// The address of a bridge without uplink: its own, and the same after every restart.
std::string bridge_mac(const std::string& network_uuid);

// "xcp:<uuid>", kept by the kernel in the device's alias; nullopt for a device that is not ours.
std::string mark_of(const std::string& uuid);
std::optional<std::string> marked_uuid(std::string_view alias);

}  // namespace xcp::network
