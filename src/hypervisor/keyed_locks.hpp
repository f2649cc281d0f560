// SPDX-License-Identifier: GPL-2.0-or-later
// "One call after the other on one domain, side by side on different ones": a mutex for each key,
// which exists only while somebody holds it or waits for it. Not recursive.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace xcp::hypervisor {

class KeyedLocks {
  struct Entry {
    std::mutex mutex;
    int users = 0;
  };

 public:
  // Holds the key's mutex until destroyed; must not outlive the KeyedLocks it came from.
  class Hold {
   public:
    Hold(KeyedLocks& locks, std::string key) : locks_(locks), key_(std::move(key)) {
      {
        std::lock_guard lock(locks_.mutex_);
        entry_ = &locks_.entries_[key_];
        ++entry_->users;
      }
      entry_->mutex.lock();
    }
    ~Hold() {
      entry_->mutex.unlock();
      std::lock_guard lock(locks_.mutex_);
      if (--entry_->users == 0) locks_.entries_.erase(key_);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    KeyedLocks& locks_;
    const std::string key_;
    Entry* entry_ = nullptr;
  };

  Hold hold(const std::string& key) { return Hold(*this, key); }

  // Somebody holds it or waits for it.
  bool in_use(const std::string& key) {
    std::lock_guard lock(mutex_);
    return entries_.contains(key);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace xcp::hypervisor
