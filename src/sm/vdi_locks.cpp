// SPDX-License-Identifier: GPL-2.0-or-later
// An entry lives while anybody holds it or waits for it.
#include "sm/vdi_locks.hpp"

namespace xcp::sm {

VdiLocks::Held::Held(VdiLocks& locks, std::string vdi, bool exclusive)
    : locks_(locks), vdi_(std::move(vdi)), exclusive_(exclusive) {
  {
    std::lock_guard lock(locks_.mutex_);
    auto& entry = locks_.entries_[vdi_];
    if (!entry) entry = std::make_unique<Entry>();
    ++entry->users;
    mutex_ = &entry->mutex;
  }
  if (exclusive_)
    mutex_->lock();
  else
    mutex_->lock_shared();
}

VdiLocks::Held::~Held() {
  if (exclusive_)
    mutex_->unlock();
  else
    mutex_->unlock_shared();
  std::lock_guard lock(locks_.mutex_);
  const auto entry = locks_.entries_.find(vdi_);
  if (--entry->second->users == 0) locks_.entries_.erase(entry);
}

}  // namespace xcp::sm
