// SPDX-License-Identifier: GPL-2.0-or-later
// See faults.hpp.
#include "hypervisor/sim/faults.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "base/failure.hpp"

namespace xcp::hypervisor::sim {

std::string Faults::add(Fault fault) {
  std::lock_guard lock(mutex_);
  fault.id = std::to_string(++last_id_);
  faults_.push_back(std::move(fault));
  any_ = true;
  return faults_.back().id;
}

std::vector<Fault> Faults::list() const {
  std::lock_guard lock(mutex_);
  return {faults_.begin(), faults_.end()};
}

bool Faults::clear(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto removed =
      std::erase_if(faults_, [&](const Fault& fault) { return id.empty() || fault.id == id; });
  any_ = !faults_.empty();
  changed_.notify_all();
  return id.empty() || removed != 0;
}

bool Faults::wait_for_hits(const std::string& id, std::int64_t hits,
                           std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  bool reached = false;
  changed_.wait_for(lock, timeout, [&] {
    const auto fault =
        std::find_if(faults_.begin(), faults_.end(), [&](const Fault& f) { return f.id == id; });
    if (fault == faults_.end()) return true;
    reached = fault->hit >= hits;
    return reached;
  });
  return reached;
}

void Faults::pass(const char* method, const std::string& uuid, Point point) {
  if (!any_) return;
  std::unique_lock lock(mutex_);
  std::vector<Fault> struck;
  for (Fault& fault : faults_) {
    if (fault.method != method || fault.point != point) continue;
    if (!fault.uuid.empty() && fault.uuid != uuid) continue;
    ++fault.seen;
    if (fault.seen < fault.nth) continue;
    if (fault.count != 0 && fault.seen >= fault.nth + fault.count) continue;
    ++fault.hit;
    struck.push_back(fault);
  }
  changed_.notify_all();
  for (const Fault& fault : struck) {
    switch (fault.kind) {
      case FaultKind::fail:
        throw Failure(fault.code, fault.params);
      case FaultKind::delay:
        lock.unlock();
        std::this_thread::sleep_for(std::chrono::milliseconds(fault.delay_ms));
        lock.lock();
        break;
      case FaultKind::hang:
        changed_.wait(lock, [&] {
          return std::none_of(faults_.begin(), faults_.end(),
                              [&](const Fault& f) { return f.id == fault.id; });
        });
        break;
      case FaultKind::kill:
        std::raise(SIGKILL);
        break;
    }
  }
}

}  // namespace xcp::hypervisor::sim
