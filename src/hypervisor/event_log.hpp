// SPDX-License-Identifier: GPL-2.0-or-later
// The memory behind Hypervisor::events, the same for every driver: a bounded history with ids that
// grow by one and an epoch made anew with each object. Any thread may append and read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

class EventLog {
 public:
  explicit EventLog(std::size_t capacity = 4096);

  void append(EventKind kind, const std::string& uuid);

  // The contract of Hypervisor::events. An empty batch after the timeout carries `after` as last.
  EventBatch read(const std::string& epoch, std::uint64_t after, std::chrono::milliseconds timeout);

  // Lets every waiting read return at once, now and in future; called before destruction.
  void close();

  const std::string& epoch() const { return epoch_; }

 private:
  const std::string epoch_;
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable appended_;
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
  bool closed_ = false;
};

}  // namespace xcp::hypervisor
