// SPDX-License-Identifier: GPL-2.0-or-later
// What a spec must fulfil before libvirt hears of it, refused in the words that every driver uses:
// INVALID_VALUE [field, value], MAC_INVALID [mac], DEVICE_ALREADY_EXISTS [device]. Pure.
#pragma once

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

void check_spec(const VmSpec& spec);
void check_disk(const DiskSpec& disk);
void check_nic(const NicSpec& nic);

}  // namespace xcp::hypervisor
