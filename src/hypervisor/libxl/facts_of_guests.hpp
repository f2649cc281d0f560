// SPDX-License-Identifier: GPL-2.0-or-later
// What a guest's agent wrote to xenstore (the nodes that xe-guest-utilities use), made into
// GuestFacts. The guest may write anything: what is not UTF-8 is dropped, and all texts together
// are bounded. Nothing is kept here, so there is nothing to forget.
#pragma once

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/libxl/xenstore.hpp"

namespace xcp::hypervisor::libxl {

inline constexpr std::size_t guest_text_limit = 64 * 1024;

GuestFacts read_guest(const Xenstore& xenstore, std::uint32_t domid);

// Bytes that the guest says are free; -1 when it says nothing.
std::int64_t read_guest_free_memory(const Xenstore& xenstore, std::uint32_t domid);

}  // namespace xcp::hypervisor::libxl
