// SPDX-License-Identifier: GPL-2.0-or-later
// A Domain as the hypervisor contract carries it. Pure. What the contract cannot carry is never
// dropped silently: what would change what the guest is or reads is refused, everything else is
// named in a warning.
#pragma once

#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "xl/cfg/domain.hpp"
#include "xl/cfg/reader.hpp"

namespace xcp::xl {

struct Target {
  bool xen = false;                   // else a host without Xen: QEMU/KVM, or the simulator
  std::string bridge = "xenbr0";      // for NICs that name none
  std::vector<std::string> keys_set;  // what the configuration file set
};

hypervisor::VmSpec vm_spec(const cfg::Domain& domain, const Target& target,
                           cfg::Warnings& warnings);

// One device, for hotplug. `what` of warnings is the device's own name.
// A disk that only the whole configuration tells, which Xen alone takes.
bool is_beyond_spec(const cfg::Disk& disk);

// `whole`: the configuration goes along, and nothing of the device is lost.
hypervisor::DiskSpec disk_spec(const cfg::Disk& disk, bool whole, cfg::Warnings& warnings);
hypervisor::NicSpec nic_spec(const cfg::Nic& nic, std::int64_t devid, const std::string& bridge,
                             bool whole, cfg::Warnings& warnings);

}  // namespace xcp::xl
