// SPDX-License-Identifier: GPL-2.0-or-later
// VM.VCPUs_params read: where a guest's virtual CPUs may run and how much they get. Pure.
//   mask    "1,2" or "4-7,9": physical CPUs for each virtual CPU
//   mask0   the same for virtual CPU 0 alone, and so on; goes before mask
//   weight  share against other guests (the hypervisor's default is 256)
//   cap     most that the guest may use, in hundredths of one physical CPU; 0: no limit
// Other keys are inert.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcp::hypervisor {

struct Placement {
  // One list of physical CPUs a virtual CPU, empty: any; no lists at all when none is pinned.
  std::vector<std::vector<int>> affinity;
  std::optional<int> weight, cap;
};

// Throws INVALID_VALUE ["VCPUs_params:<key>", value].
Placement read_placement(const std::map<std::string, std::string>& vcpus_params,
                         std::int64_t vcpus_max);

}  // namespace xcp::hypervisor
