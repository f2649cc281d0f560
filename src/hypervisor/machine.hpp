// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells of this machine: processors and memory, in XenAPI's words.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace xcp::hypervisor {

// From the text of /proc/cpuinfo: cpu_count, socket_count, vendor, speed (MHz), modelname, family,
// model, stepping, flags.
std::map<std::string, std::string> read_cpu(const std::string& cpuinfo);

struct HostMemory {
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;  // available to new guests
};
// From the text of /proc/meminfo.
HostMemory read_memory(const std::string& meminfo);

}  // namespace xcp::hypervisor
