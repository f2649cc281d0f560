// SPDX-License-Identifier: GPL-2.0-or-later
// See timeline.hpp.
#include "hypervisor/sim/timeline.hpp"

namespace xcp::hypervisor::sim {

namespace {

using std::chrono::milliseconds;

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Timeline::Timeline(bool manual, std::int64_t offset_ms, Handler handler)
    : manual_(manual),
      handler_(std::move(handler)),
      offset_ms_(offset_ms),
      wall_start_ms_(wall_clock_ms()),
      steady_start_(std::chrono::steady_clock::now()) {
  if (manual_ && offset_ms_ == 0) offset_ms_ = wall_start_ms_;
}

void Timeline::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Timeline::start() {
  thread_ = std::thread([this] { run(); });
}

std::int64_t Timeline::now_locked() const {
  if (manual_) return offset_ms_;
  // The steady clock, so that a correction of the machine's clock moves no guest.
  const auto passed = std::chrono::steady_clock::now() - steady_start_;
  return wall_start_ms_ + std::chrono::duration_cast<milliseconds>(passed).count() + offset_ms_;
}

std::int64_t Timeline::now_ms() const {
  std::lock_guard lock(mutex_);
  return now_locked();
}

std::int64_t Timeline::offset_ms() const {
  std::lock_guard lock(mutex_);
  return offset_ms_;
}

void Timeline::schedule(std::int64_t due_ms, std::int64_t key) {
  std::lock_guard lock(mutex_);
  const bool first = wakes_.empty() || due_ms < wakes_.top().due_ms;
  wakes_.push({due_ms, ++order_, key});
  if (first) changed_.notify_all();
}

void Timeline::sleep_until(std::int64_t due_ms) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const std::int64_t left = due_ms - now_locked();
    if (left <= 0) return;
    if (manual_)
      changed_.wait(lock);
    else
      changed_.wait_for(lock, milliseconds(left));
  }
}

void Timeline::wait_until_handled(std::unique_lock<std::mutex>& lock, std::int64_t until_ms) {
  changed_.wait(lock, [&] {
    return stopping_ || (!handling_ && (wakes_.empty() || wakes_.top().due_ms > until_ms));
  });
}

void Timeline::advance(std::int64_t by_ms) {
  std::unique_lock lock(mutex_);
  offset_ms_ += by_ms;
  changed_.notify_all();
  wait_until_handled(lock, now_locked());
}

void Timeline::settle() {
  std::unique_lock lock(mutex_);
  wait_until_handled(lock, now_locked());
}

void Timeline::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (wakes_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Wake next = wakes_.top();
    const std::int64_t left = next.due_ms - now_locked();
    if (left > 0) {
      if (manual_)
        changed_.wait(lock);
      else
        changed_.wait_for(lock, milliseconds(left));
      continue;
    }
    wakes_.pop();
    handling_ = true;
    lock.unlock();
    handler_(next.key, next.due_ms);
    lock.lock();
    handling_ = false;
    changed_.notify_all();
  }
}

}  // namespace xcp::hypervisor::sim
