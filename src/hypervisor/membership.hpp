// SPDX-License-Identifier: GPL-2.0-or-later
// What a driver is at work on, noted in a set that other threads read under the same mutex.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace xcp::hypervisor {

// Keeps a set's member for the time of a scope.
class Membership {
 public:
  Membership(std::mutex& mutex, std::set<std::string>& set, std::string member)
      : mutex_(mutex), set_(set), member_(std::move(member)) {
    std::lock_guard lock(mutex_);
    set_.insert(member_);
  }
  ~Membership() {
    std::lock_guard lock(mutex_);
    set_.erase(member_);
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

 private:
  std::mutex& mutex_;
  std::set<std::string>& set_;
  const std::string member_;
};

}  // namespace xcp::hypervisor
