// SPDX-License-Identifier: GPL-2.0-or-later
// What a guest's agent answers, made into GuestFacts. The guest may answer anything: texts that are
// not UTF-8 and replies of the wrong shape are dropped, sizes are bounded, nothing throws.
#pragma once

#include <map>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libvirt {

// All texts of a guest together; what comes after the limit is left out.
inline constexpr std::size_t guest_text_limit = 64 * 1024;

// The agent's JSON replies, each "" when there was none.
struct AgentReplies {
  std::string info;        // guest-info
  std::string os;          // guest-get-osinfo
  std::string interfaces;  // guest-network-get-interfaces
  std::string host_name;   // guest-get-host-name
};

// `device_by_mac`: lower-case MAC -> XenAPI device of the NIC. Interfaces of other MACs are the
// guest's own affair and are left out.
GuestFacts read_agent(const AgentReplies& replies,
                      const std::map<std::string, std::string>& device_by_mac);

}  // namespace xcp::hypervisor::libvirt
