// SPDX-License-Identifier: GPL-2.0-or-later
// Simulated time and the one thread that makes things happen in it. Time is milliseconds since
// 1970; it flows with the machine's clock plus an offset that `advance` enlarges, or by `advance`
// alone. Wake-ups are handed out in the order of their time, one after the other, never early, and
// with the time they were due at: whoever jumps an hour sees the hour pass in order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

namespace xcp::hypervisor::sim {

class Timeline {
 public:
  // Called without any lock of the timeline held; may call schedule.
  using Handler = std::function<void(std::int64_t key, std::int64_t due_ms)>;

  // `offset_ms` of an earlier life carries its time on; 0 starts at the machine's clock.
  Timeline(bool manual, std::int64_t offset_ms, Handler handler);
  ~Timeline() { stop(); }  // nobody may be waiting in `sleep_until` any more
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  void start();
  void stop();  // no handler runs or is called any more; sleepers return at once

  std::int64_t now_ms() const;
  void schedule(std::int64_t due_ms, std::int64_t key);
  void sleep_until(std::int64_t due_ms);

  // Jumps; returns when everything that is due by then has been handled.
  void advance(std::int64_t by_ms);
  // Returns when everything that is due now has been handled.
  void settle();
  // How far `now` runs ahead of the machine's clock (manual: of nothing; the time itself).
  std::int64_t offset_ms() const;

 private:
  struct Wake {
    std::int64_t due_ms;
    std::uint64_t order;
    std::int64_t key;
    bool operator>(const Wake& other) const {
      return due_ms != other.due_ms ? due_ms > other.due_ms : order > other.order;
    }
  };

  std::int64_t now_locked() const;
  void run();
  void wait_until_handled(std::unique_lock<std::mutex>& lock, std::int64_t until_ms);

  const bool manual_;
  const Handler handler_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
  std::uint64_t order_ = 0;
  std::int64_t offset_ms_ = 0;
  std::int64_t wall_start_ms_ = 0;
  std::chrono::steady_clock::time_point steady_start_;
  bool handling_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::sim
