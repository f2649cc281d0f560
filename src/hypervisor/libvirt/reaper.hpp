// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU processes of the embedded driver are orphans as soon as they run, so that nothing of ours
// takes them along. Where process 1 is slow to collect the dead (containers), libvirt waits for
// most of a minute until an ended QEMU is really gone. Here the process adopts its orphans and
// collects them itself. Guests are as safe as before: when we end they fall to process 1.
#pragma once

#include <chrono>
#include <map>
#include <thread>

#include "base/fd.hpp"

namespace xcp::hypervisor::libvirt {

// One in a process: it owns SIGCHLD.
class Reaper {
 public:
  Reaper();
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

 private:
  void run();
  bool collect();

  UniqueFd stop_;   // eventfd
  UniqueFd death_;  // eventfd, written when a child ends
  // Dead leaders of sessions and when they were first seen.
  std::map<pid_t, std::chrono::steady_clock::time_point> leaders_;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::libvirt
