// SPDX-License-Identifier: GPL-2.0-or-later
// Between two domains of one VM on the same disks: the backends of a domain that stands write out
// what they were given, and write no more.
#pragma once

#include <cstdint>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libxl {

// Returns when nothing of the domain's is on its way to a disk any more. Its guest must be stopped.
// Throws INTERNAL_ERROR when that cannot be seen, or does not come about.
void bring_disks_to_rest(std::uint32_t domid, const VmSpec& spec);

// The domain's QEMU, if it has one, serves on. Never throws.
void let_disks_go_on(std::uint32_t domid) noexcept;

}  // namespace xcp::hypervisor::libxl
