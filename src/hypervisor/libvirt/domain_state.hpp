// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's XML of a running domain, read back into the contract's words. Pure, and total for
// whatever libvirt may tell: an element we do not know is passed over; text that is no XML throws
// INTERNAL_ERROR.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/libvirt/domain_xml.hpp"

namespace xcp::hypervisor::libvirt {

// Beyond DomainState, what the driver needs to act on the domain. Maps are by XenAPI device.
struct DomainView {
  DomainState state;  // power is left as it is; libvirt's XML does not tell
  Mark mark;
  std::int64_t vcpus_max = 0;
  std::int64_t memory_max_bytes = 0;
  std::map<std::string, std::string> disk_targets;  // -> "vda"
  std::map<std::string, std::string> disk_aliases;  // -> "ua-vbd-0"
  std::map<std::string, std::string> nic_aliases;
  std::vector<std::string> nic_devices;  // in the XML's order, "" for foreign ones
  std::string serial_socket;
  std::string vnc_socket;
  std::string nvram;
  bool agent_connected = false;
};

DomainView read_domain(const std::string& xml);

}  // namespace xcp::hypervisor::libvirt
