// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: what all connections of one server share. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "xapi/http/server.hpp"

namespace xcp::http {

class Loop;
class TlsContext;

// An amount added to a counter, taken back when this goes away.
class Share {
 public:
  Share() = default;
  explicit Share(std::shared_ptr<std::atomic<std::uint64_t>> counter)
      : counter_(std::move(counter)) {}
  Share(Share&& other) noexcept
      : counter_(std::move(other.counter_)), amount_(std::exchange(other.amount_, 0)) {}
  Share& operator=(Share&& other) noexcept {
    release();
    counter_ = std::move(other.counter_);
    amount_ = std::exchange(other.amount_, 0);
    return *this;
  }
  ~Share() { release(); }

  // Raises the share by `amount`; false and unchanged when the counter would pass `limit`.
  bool raise(std::uint64_t amount, std::uint64_t limit) {
    if (counter_->fetch_add(amount) + amount > limit) {
      counter_->fetch_sub(amount);
      return false;
    }
    amount_ += amount;
    return true;
  }
  void release() {
    if (amount_ != 0) counter_->fetch_sub(std::exchange(amount_, 0));
  }

 private:
  std::shared_ptr<std::atomic<std::uint64_t>> counter_;
  std::uint64_t amount_ = 0;
};

struct Core {
  using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;

  Settings settings;
  BodyPolicy policy;
  Handler handler;
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::shared_ptr<Loop>> relay_loops;

  Counter connections = std::make_shared<std::atomic<std::uint64_t>>(0);
  Counter refusals = std::make_shared<std::atomic<std::uint64_t>>(0);  // 503s on their way
  Counter body_bytes = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::atomic<std::uint64_t> last_connection{0};
  std::atomic<std::uint64_t> next_loop{0};
  std::atomic<std::uint64_t> next_relay_loop{0};

  std::mutex mutex;
  std::shared_ptr<const TlsContext> tls;  // guarded by mutex
};

}  // namespace xcp::http
