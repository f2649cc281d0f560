// SPDX-License-Identifier: GPL-2.0-or-later
// Lets a call wait for an event of libvirt that its own action causes ("device removed"). The wait
// is opened before the action, so the event cannot be missed. Events nobody waits for are dropped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <string>

namespace xcp::hypervisor::libvirt {

class Signals {
 public:
  class Wait {
   public:
    Wait(Signals& signals, std::string key) : signals_(signals), key_(std::move(key)) {
      std::lock_guard lock(signals_.mutex_);
      place_ = signals_.waits_.insert(signals_.waits_.end(), this);
    }
    ~Wait() {
      std::lock_guard lock(signals_.mutex_);
      signals_.waits_.erase(place_);
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    // The first signal's text since the wait was opened; nullopt when the time is up.
    std::optional<std::string> get(std::chrono::milliseconds timeout) {
      std::unique_lock lock(signals_.mutex_);
      signals_.raised_.wait_for(lock, timeout, [this] { return value_.has_value(); });
      return value_;
    }

    // Waits for the next one.
    void again() {
      std::lock_guard lock(signals_.mutex_);
      value_.reset();
    }

   private:
    friend class Signals;
    Signals& signals_;
    const std::string key_;
    std::optional<std::string> value_;
    std::list<Wait*>::iterator place_;
  };

  void raise(const std::string& key, const std::string& value) {
    std::lock_guard lock(mutex_);
    for (Wait* wait : waits_)
      if (wait->key_ == key && !wait->value_) wait->value_ = value;
    raised_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable raised_;
  std::list<Wait*> waits_;
};

}  // namespace xcp::hypervisor::libvirt
