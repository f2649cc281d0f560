// SPDX-License-Identifier: GPL-2.0-or-later
// What a killed embedded libvirt may leave in a running QEMU: a device or block node that was added
// an instant before the kill and is in nobody's records. Left alone it would make the next plug of
// the same device fail. Pure: compares, and says which QMP commands remove the difference.
#pragma once

#include <string>
#include <vector>

namespace xcp::hypervisor::libvirt {

// `xml`: the domain as libvirt knows it. `peripherals`, `block_nodes`: QEMU's replies to
// `list_peripherals` and `list_block_nodes`. Only devices with aliases of ours and nodes with names
// made by libvirt count. Replies of another shape give no commands.
std::vector<std::string> stray_commands(const std::string& xml, const std::string& peripherals,
                                        const std::string& block_nodes);

inline constexpr const char* list_peripherals =
    R"({"execute":"qom-list","arguments":{"path":"/machine/peripheral"}})";
inline constexpr const char* list_block_nodes =
    R"({"execute":"query-named-block-nodes","arguments":{"flat":true}})";

}  // namespace xcp::hypervisor::libvirt
