// SPDX-License-Identifier: GPL-2.0-or-later
// Whether this machine's KVM can be trusted with a guest.
#pragma once

#include <string>

namespace xcp::hypervisor::libvirt {

// True when the CPU offers hardware virtualization and a probe guest got through its first
// instructions in real, protected and long mode within the deadline. /dev/kvm alone proves nothing.
bool kvm_works(const std::string& emulator, const std::string& work_directory);

}  // namespace xcp::hypervisor::libvirt
