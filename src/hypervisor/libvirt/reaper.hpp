// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU processes of the embedded driver are orphans as soon as they run, so that nothing of ours
// takes them along. Where process 1 is slow to collect the dead (containers), libvirt waits for
// seconds until an ended QEMU is really gone. Here the process adopts its orphans and collects the
// registered ones itself. Guests are as safe as before: when we end they fall to process 1.
#pragma once

#include <sys/types.h>

#include <map>
#include <mutex>
#include <thread>

#include "base/fd.hpp"

namespace xcp::hypervisor::libvirt {

class Reaper {
 public:
  Reaper();
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  // Collects this process when it ends; one that is not our child is left alone.
  void adopt(pid_t pid);

 private:
  void run();

  UniqueFd wake_;  // eventfd
  std::mutex mutex_;
  std::map<pid_t, UniqueFd> processes_;  // with their pidfds
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::libvirt
