// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the calling thread on the first CPU it may use, for a scope. libvirt takes its cached
// knowledge of QEMU for outdated when CPUID differs from last time; on CPUs with leaf 0x1f it
// compares a field that differs from CPU to CPU, and then probes QEMU anew for seconds at each
// start. Reading it on the same CPU every time avoids that.
#pragma once

#include <sched.h>

namespace xcp::hypervisor::libvirt {

class SameCpu {
 public:
  SameCpu();
  // Gives all threads of the process that were confined to that CPU their freedom back: libvirt
  // starts some meanwhile.
  ~SameCpu();
  SameCpu(const SameCpu&) = delete;
  SameCpu& operator=(const SameCpu&) = delete;

 private:
  cpu_set_t before_{};
  cpu_set_t one_{};
  bool confined_ = false;
};

}  // namespace xcp::hypervisor::libvirt
