// SPDX-License-Identifier: GPL-2.0-or-later
// What a killed embedded libvirt may leave in a running QEMU: a device or block node that was added
// an instant before the kill and is in none of libvirt's records. A disk of that kind works and may
// be in use by the guest already: it is told of as plugged. The rest is removed; it would make the
// next plug of the same device fail. Pure: compares, and says what is to be done.
#pragma once

#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libvirt {

inline constexpr const char* list_peripherals =
    R"({"execute":"qom-list","arguments":{"path":"/machine/peripheral"}})";
inline constexpr const char* list_block_nodes =
    R"({"execute":"query-named-block-nodes","arguments":{"flat":true}})";
inline constexpr const char* list_blocks = R"({"execute":"query-block"})";

// QEMU's replies to the commands above.
struct QemuLists {
  std::string peripherals;
  std::string block_nodes;
  std::string blocks;
};

struct StrayDisk {
  std::string alias;
  DiskSpec spec;
};

struct Strays {
  std::vector<StrayDisk> disks;       // in QEMU only
  std::vector<std::string> nics;      // aliases of those that the commands remove
  std::vector<std::string> commands;  // QMP, in this order, remove the rest
};

// `xml`: the domain as libvirt knows it. Only devices with aliases of ours and nodes with names
// made by libvirt count. Replies of another shape mean that there is nothing.
Strays find_strays(const std::string& xml, const QemuLists& qemu);

// Asks the guest to let the device go.
std::string removal_command(const std::string& alias);

// True when QEMU has a device with this alias.
bool has_peripheral(const std::string& peripherals, const std::string& alias);

}  // namespace xcp::hypervisor::libvirt
