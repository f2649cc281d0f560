// SPDX-License-Identifier: GPL-2.0-or-later
// One after the other, disk by disk: calls that change a VDI hold it alone, calls that only read it
// hold it together; a VDI that is being made is held alone, so that whoever removes it waits for
// its end. Locks come and go with their users.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

namespace xcp::sm {

class VdiLocks {
 public:
  class Held {
   public:
    Held(VdiLocks& locks, std::string vdi, bool exclusive);
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    VdiLocks& locks_;
    const std::string vdi_;
    const bool exclusive_;
    std::shared_mutex* mutex_;
  };

  // Wait until the lock is theirs. Whoever wants two takes the one with the lesser uuid first.
  Held alone(const std::string& vdi) { return Held(*this, vdi, true); }
  Held together(const std::string& vdi) { return Held(*this, vdi, false); }

 private:
  struct Entry {
    std::shared_mutex mutex;
    int users = 0;
  };
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
};

}  // namespace xcp::sm
