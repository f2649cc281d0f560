// SPDX-License-Identifier: GPL-2.0-or-later
// See event_log.hpp.
#include "hypervisor/event_log.hpp"

#include "base/ref.hpp"

namespace xcp::hypervisor {

EventLog::EventLog(std::size_t capacity) : epoch_(make_uuid()), capacity_(capacity) {}

void EventLog::append(EventKind kind, const std::string& uuid) {
  std::lock_guard lock(mutex_);
  events_.push_back({++last_, kind, uuid});
  if (events_.size() > capacity_) events_.pop_front();
  appended_.notify_all();
}

EventBatch EventLog::read(const std::string& epoch, std::uint64_t after,
                          std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const std::uint64_t forgotten = last_ - events_.size();
  if (epoch != epoch_ || after > last_ || after < forgotten)
    return {epoch_, last_, {{last_, EventKind::resync, {}}}};
  appended_.wait_for(lock, timeout, [&] { return last_ > after || closed_; });
  EventBatch batch{epoch_, last_, {}};
  // More than the history may have been appended before this thread woke up.
  if (last_ - after > events_.size()) batch.events = {{last_, EventKind::resync, {}}};
  // Ids grow by one: a long history costs a reader who is up to date nothing.
  else
    batch.events.assign(events_.end() - static_cast<std::ptrdiff_t>(last_ - after), events_.end());
  return batch;
}

void EventLog::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  appended_.notify_all();
}

}  // namespace xcp::hypervisor
