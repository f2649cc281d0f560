// SPDX-License-Identifier: GPL-2.0-or-later
// Names of backends' devices on this host.
#pragma once

#include <cstdint>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libxl {

// "vif5.0": what the kernel calls the backend when nobody says otherwise.
std::string default_nic_name(std::uint32_t domid, const std::string& device);

// Gives a backend that was made under its default name the one that nic.host_device says, and the
// emulated NIC beside it. Where that cannot be, nic.host_device becomes the name it has. The guest
// must not run.
void name_backend(std::uint32_t domid, NicSpec& nic, GuestType type);

}  // namespace xcp::hypervisor::libxl
