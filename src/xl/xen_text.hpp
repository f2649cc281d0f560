// SPDX-License-Identifier: GPL-2.0-or-later
// What xl prints of Xen's own things, from the structures of XenControls. Pure. Columns and words
// are those of the distribution's xl, which scripts read. Every text ends with a newline.
#pragma once

#include <string>
#include <vector>

#include "hypervisor/xen_controls.hpp"

namespace xcp::xl {

using hypervisor::Numbers;
using hypervisor::XenCpuPool;
using hypervisor::XenDomain;
using hypervisor::XenHost;
using hypervisor::XenSchedule;
using hypervisor::XenTopology;
using hypervisor::XenVcpu;

// "all" for what covers 0 to count - 1, "none", or "0-2,5".
std::string ranges(const Numbers& numbers, std::int64_t count);

struct ListColumns {
  bool verbose = false, label = false, claimed = false, pool = false, numa = false;
  std::int64_t nodes = 1;  // of the host
};
std::string list_head(const ListColumns& columns);
std::string list_row(const XenDomain& domain, const ListColumns& columns);

std::string vcpu_head();
std::string vcpu_row(const XenDomain& domain, const XenVcpu& vcpu, std::int64_t cpus);

std::string sharing_head();
std::string sharing_row(const XenDomain& domain);

// The lines of `xl info` that are of the machine, of its topology (-n), and of Xen.
std::string machine_lines(const XenHost& host);
std::string topology_lines(const XenTopology& topology);
std::string xen_lines(const XenHost& host);

std::string pool_head(bool cpus);
std::string pool_row(const XenCpuPool& pool, bool cpus);

// Of the scheduler "credit", "credit2" or "rtds".
std::string schedule_head(const std::string& scheduler, bool of_vcpus);
std::string schedule_row(const XenDomain& domain, const XenSchedule& schedule);
std::string pool_schedule_line(const XenCpuPool& pool, const hypervisor::XenPoolSchedule& schedule);

// Of block-list, network-list and the like. Sound cards and displays have no table and no head.
std::string device_head(hypervisor::XenDeviceKind kind);
std::string device_row(hypervisor::XenDeviceKind kind, const hypervisor::XenDevice& device);

// "0000:00:1f.2"
std::string address_text(const hypervisor::XenPciDevice& device);
// Of pci-list.
std::string pci_head();
std::string pci_row(const hypervisor::XenPciDevice& device);

}  // namespace xcp::xl
