// SPDX-License-Identifier: GPL-2.0-or-later
// What the QEMU behind a Xen guest's disks tells of their traffic. Pure.
#pragma once

#include <map>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libxl {

// `blocks` and `statistics`: the monitor's answers to "info block" and "info blockstats". By the
// guest's name of the disk: xvda, or hda where the disk is emulated.
std::map<std::string, DomainStats::Io> traffic_of_qemu(const std::string& blocks,
                                                       const std::string& statistics);

}  // namespace xcp::hypervisor::libxl
