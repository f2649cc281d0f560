// SPDX-License-Identifier: GPL-2.0-or-later
// See agent_watch.hpp.
#include "hypervisor/libvirt/agent_watch.hpp"

#include <algorithm>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

// A guest without any network would be asked eagerly for ever.
constexpr int eager_tries = 60;

bool same(const GuestFacts& a, const GuestFacts& b) {
  return a.agent_alive == b.agent_alive && a.agent_version == b.agent_version &&
         a.os_version == b.os_version && a.networks == b.networks && a.other == b.other;
}

}  // namespace

AgentWatch::AgentWatch(std::function<GuestFacts(const std::string&)> ask,
                       std::function<void(const std::string&)> changed, Pace pace)
    : ask_(std::move(ask)), changed_(std::move(changed)), pace_(pace), thread_([this] { run(); }) {}

AgentWatch::~AgentWatch() {
  stop();
}

void AgentWatch::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void AgentWatch::connected(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  Guest& guest = guests_[uuid];
  guest.connected = true;
  guest.tries = 0;
  guest.next = Clock::now();
  wake_.notify_all();
}

void AgentWatch::disconnected(const std::string& uuid) {
  {
    std::lock_guard lock(mutex_);
    const auto guest = guests_.find(uuid);
    if (guest == guests_.end()) return;
    guest->second.connected = false;
    if (!std::exchange(guest->second.facts.agent_alive, false)) return;
  }
  changed_(uuid);
}

void AgentWatch::forget(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  guests_.erase(uuid);
}

GuestFacts AgentWatch::facts(const std::string& uuid) const {
  std::lock_guard lock(mutex_);
  const auto guest = guests_.find(uuid);
  return guest == guests_.end() ? GuestFacts{} : guest->second.facts;
}

void AgentWatch::ask_one(std::unique_lock<std::mutex>& lock, const std::string& uuid) {
  GuestFacts facts;
  lock.unlock();
  try {
    facts = ask_(uuid);
  } catch (const Failure&) {
    // Not alive; what it told before stays known.
  }
  lock.lock();
  const auto found = guests_.find(uuid);
  if (found == guests_.end()) return;
  Guest& guest = found->second;
  if (!facts.agent_alive) {
    facts = guest.facts;
    facts.agent_alive = false;
  }
  if (!guest.connected) facts.agent_alive = false;
  const bool settled = facts.agent_alive && !facts.networks.empty();
  guest.next = Clock::now() + (settled || ++guest.tries > eager_tries ? pace_.calm : pace_.eager);
  if (same(guest.facts, facts)) return;
  guest.facts = std::move(facts);
  lock.unlock();
  changed_(uuid);
  lock.lock();
}

void AgentWatch::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto due = guests_.end();
    for (auto guest = guests_.begin(); guest != guests_.end(); ++guest)
      if (guest->second.connected &&
          (due == guests_.end() || guest->second.next < due->second.next))
        due = guest;
    if (due == guests_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (due->second.next > Clock::now()) {
      const Clock::time_point next = due->second.next;  // the guest may be forgotten meanwhile
      wake_.wait_until(lock, next);
      continue;
    }
    const std::string uuid = due->first;
    ask_one(lock, uuid);
  }
}

}  // namespace xcp::hypervisor::libvirt
