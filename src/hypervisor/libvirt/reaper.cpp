// SPDX-License-Identifier: GPL-2.0-or-later
// See reaper.hpp. Only registered processes are waited for: libvirt waits for its own children.
#include "hypervisor/libvirt/reaper.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {

Reaper::Reaper() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw system_failure("eventfd", errno);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  thread_ = std::thread([this] { run(); });
}

Reaper::~Reaper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  write_all(wake_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  thread_.join();
}

void Reaper::adopt(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return;
  {
    std::lock_guard lock(mutex_);
    processes_[pid] = std::move(fd);
  }
  const std::uint64_t one = 1;
  write_all(wake_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
}

void Reaper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<pollfd> items{{wake_.get(), POLLIN, 0}};
    std::vector<pid_t> pids{0};
    for (const auto& [pid, fd] : processes_) {
      items.push_back({fd.get(), POLLIN, 0});
      pids.push_back(pid);
    }
    lock.unlock();
    poll(items.data(), items.size(), -1);
    lock.lock();
    std::uint64_t ignored;
    while (read(wake_.get(), &ignored, sizeof(ignored)) > 0) {
    }
    for (std::size_t i = 1; i < items.size(); ++i) {
      if (items[i].revents == 0) continue;
      waitpid(pids[i], nullptr, WNOHANG);
      processes_.erase(pids[i]);
    }
  }
}

}  // namespace xcp::hypervisor::libvirt
