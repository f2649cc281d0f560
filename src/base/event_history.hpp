// SPDX-License-Identifier: GPL-2.0-or-later
// The memory behind a contract's `events(epoch, after, timeout)`: a bounded history with ids that
// grow by one and an epoch made anew with each object. Batch is the contract's answer: a struct of
// `epoch`, `last` and `events`, whose elements have an `id`. Any thread may publish and read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "base/ref.hpp"

namespace xcp {

template <class Batch>
class EventHistory {
 public:
  using Event = typename decltype(Batch::events)::value_type;

  // `resync` is what a reader gets who has missed events: "read everything again".
  explicit EventHistory(Event resync, std::size_t capacity = 16384)
      : epoch_(make_uuid()), resync_(std::move(resync)), capacity_(capacity) {}

  void publish(Event event) {
    std::lock_guard lock(mutex_);
    event.id = ++last_;
    events_.push_back(std::move(event));
    if (events_.size() > capacity_) events_.pop_front();
    published_.notify_all();
  }
  void publish_resync() { publish(resync_); }

  // Events after `after` of `epoch`, waiting up to `timeout` for the first; one resync event at
  // once for another epoch or an `after` that is no longer remembered.
  Batch read(const std::string& epoch, std::uint64_t after, std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    if (epoch != epoch_ || after > last_ || last_ - after > events_.size()) return resync_batch();
    published_.wait_for(lock, timeout, [&] { return last_ > after || closed_; });
    // More than the history may have been published before this thread woke up.
    if (last_ - after > events_.size()) return resync_batch();
    return {
        epoch_, last_, {events_.end() - static_cast<std::ptrdiff_t>(last_ - after), events_.end()}};
  }

  // Lets every waiting read return at once, now and in future; to be called before destruction.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    published_.notify_all();
  }

 private:
  Batch resync_batch() const {
    Event event = resync_;
    event.id = last_;
    return {epoch_, last_, {std::move(event)}};
  }

  const std::string epoch_;
  const Event resync_;
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable published_;
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
  bool closed_ = false;
};

}  // namespace xcp
