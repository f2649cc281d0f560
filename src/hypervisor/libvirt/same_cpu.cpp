// SPDX-License-Identifier: GPL-2.0-or-later
// See same_cpu.hpp.
#include "hypervisor/libvirt/same_cpu.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

namespace xcp::hypervisor::libvirt {

SameCpu::SameCpu() {
  if (sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before_)) continue;
    CPU_SET(cpu, &one_);
    break;
  }
  confined_ = CPU_COUNT(&before_) > 1 && sched_setaffinity(0, sizeof(one_), &one_) == 0;
}

SameCpu::~SameCpu() {
  // A confined thread may start another one while we look: until a round finds none.
  for (bool found = confined_; found;) {
    found = false;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", gone)) {
      const pid_t thread = std::atoi(entry.path().filename().c_str());
      cpu_set_t now;
      if (sched_getaffinity(thread, sizeof(now), &now) != 0 || !CPU_EQUAL(&now, &one_)) continue;
      found = sched_setaffinity(thread, sizeof(before_), &before_) == 0 || found;
    }
  }
}

}  // namespace xcp::hypervisor::libvirt
