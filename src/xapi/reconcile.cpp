// SPDX-License-Identifier: GPL-2.0-or-later
// See reconcile.hpp. The watcher only notes what happened; the worker looks and commits.
#include "xapi/reconcile.hpp"

#include <spdlog/spdlog.h>

#include "xapi/classes/vm_state.hpp"
#include "xapi/dispatch.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/drafts.hpp"
#include "xapi/plans/vm_plans.hpp"
#include "xapi/reconcile_devices.hpp"

namespace xcp::xapi {

using hypervisor::EventKind;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;
using model::VmPowerState;

namespace {

constexpr std::chrono::milliseconds retry_time{100};

// No operation is running on it or on one of its devices.
bool is_idle(const db::Transaction& change, const db::Object<VM>& vm) {
  if (busy(vm)) return false;
  for (const Ref<VBD>& ref : vm[VM::VBDs])
    if (busy(change.get(ref))) return false;
  for (const Ref<VIF>& ref : vm[VM::VIFs])
    if (busy(change.get(ref))) return false;
  return true;
}

}  // namespace

Reconciler::Reconciler(std::function<void(std::function<void()>)> start)
    : start_(std::move(start)) {}

Reconciler::~Reconciler() {
  stop();
}

void Reconciler::begin(Services& services, ReadEvents read, std::function<void()> end) {
  services_ = &services;
  read_events_ = std::move(read);
  end_reading_ = std::move(end);
  watcher_ = std::thread([this] { watch(); });
  worker_ = std::thread([this] { work(); });
}

void Reconciler::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (end_reading_) end_reading_();
  if (watcher_.joinable()) watcher_.join();
  if (worker_.joinable()) worker_.join();
}

void Reconciler::watch() {
  std::string epoch;
  std::uint64_t last = 0;
  bool away = false;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    try {
      const auto batch = read_events_(epoch, last, std::chrono::milliseconds(1000));
      if (away) spdlog::info("the hypervisor daemon is back");
      away = false;
      epoch = batch.epoch;
      last = batch.last;
      for (const hypervisor::Event& event : batch.events) take(event);
    } catch (const std::exception& error) {
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      if (!away) spdlog::warn("no events from the hypervisor daemon: {}", error.what());
      away = true;
      changed_.wait_for(lock, std::chrono::milliseconds(200), [&] { return stopping_; });
    }
  }
}

void Reconciler::take(const hypervisor::Event& event) {
  if (event.kind == EventKind::resync) {
    look_at_everything();
    return;
  }
  std::lock_guard lock(mutex_);
  ++event_count_;
  switch (event.kind) {
    case EventKind::guest_facts:
      guests_.insert(event.uuid);
      break;
    case EventKind::rebooted:
      ++reboots_[event.uuid];
      pending_.insert(event.uuid);
      break;
    case EventKind::ended_reboot:
      ++reboots_[event.uuid];
      ended_[event.uuid] = event.kind;
      pending_.insert(event.uuid);
      break;
    case EventKind::ended_shutdown:
    case EventKind::ended_crash:
    case EventKind::ended_gone:
      ended_[event.uuid] = event.kind;
      pending_.insert(event.uuid);
      break;
    case EventKind::changed:
    case EventKind::resync:
      pending_.insert(event.uuid);
      guests_.insert(event.uuid);  // a restored guest has told everything before
      break;
  }
  changed_.notify_all();
}

void Reconciler::look_at_everything() {
  std::lock_guard lock(mutex_);
  for (const auto& vm : services_->store.snapshot().all<VM>())
    if (!vm[VM::is_a_template] && !vm[VM::is_control_domain]) {
      pending_.insert(vm[VM::uuid]);
      if (is_up(vm[VM::power_state])) guests_.insert(vm[VM::uuid]);
    }
  pending_.insert("");  // after all of them: what nobody uses is released
  ++event_count_;
  changed_.notify_all();
}

void Reconciler::poke(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  pending_.insert(uuid);
  changed_.notify_all();
}

void Reconciler::add_draft(const std::string& vdi) {
  std::lock_guard lock(mutex_);
  drafts_.insert(vdi);
}

void Reconciler::remove_draft(const std::string& vdi) {
  std::lock_guard lock(mutex_);
  drafts_.erase(vdi);
}

bool Reconciler::has_draft(const std::string& vdi) {
  std::lock_guard lock(mutex_);
  return drafts_.contains(vdi);
}

bool Reconciler::wait_for_end(const std::string& uuid, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    std::uint64_t seen;
    {
      std::lock_guard lock(mutex_);
      seen = event_count_;
    }
    if (!services_->hypervisor.domain(uuid)) return true;
    std::unique_lock lock(mutex_);
    const auto woken = [&] { return stopping_ || event_count_ != seen; };
    if (!changed_.wait_until(lock, deadline, woken)) return false;
    if (stopping_) return false;
  }
}

std::uint64_t Reconciler::reboots(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  return reboots_[uuid];
}

bool Reconciler::wait_for_reboot(const std::string& uuid, std::uint64_t before,
                                 std::chrono::milliseconds timeout) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return stopping_ || reboots_[uuid] != before; });
    if (reboots_[uuid] != before) return true;
  }
  // The guest may have powered itself off instead.
  return !services_->hypervisor.domain(uuid);
}

void Reconciler::work() {
  std::unique_lock lock(mutex_);
  std::set<std::string> busy;
  std::set<std::string> busy_guests;
  Missing missing;
  while (!stopping_) {
    const auto has_work = [&] { return stopping_ || !pending_.empty() || !guests_.empty(); };
    if (busy.empty() && busy_guests.empty())
      changed_.wait(lock, has_work);
    else
      changed_.wait_for(lock, retry_time, has_work);
    if (stopping_) return;
    std::set<std::string> pending = std::move(busy);
    busy.clear();
    pending.merge(pending_);
    pending_.clear();
    std::set<std::string> guests = std::move(busy_guests);
    busy_guests.clear();
    guests.merge(guests_);
    guests_.clear();
    lock.unlock();
    const bool release = pending.erase("") > 0;
    for (const std::string& uuid : pending) {
      try {
        if (!look_at(uuid)) busy.insert(uuid);
      } catch (const std::exception& error) {
        spdlog::warn("cannot reconcile VM {}: {}", uuid, error.what());
      }
    }
    for (const std::string& uuid : guests) {
      try {
        if (!look_at_guest(uuid)) busy_guests.insert(uuid);
      } catch (const std::exception& error) {
        spdlog::warn("cannot read the guest metrics of VM {}: {}", uuid, error.what());
      }
    }
    if (release) {
      try {
        const bool released = release_unused_devices(*services_);
        const bool removed =
            remove_used_images(*services_) && remove_dead_drafts(*services_, missing);
        if (!released || !removed) busy.insert("");
      } catch (const std::exception& error) {
        spdlog::warn("cannot release unused devices: {}", error.what());
        busy.insert("");
      }
    }
    lock.lock();
  }
}

bool Reconciler::look_at(const std::string& uuid) {
  const db::Snapshot view = services_->store.snapshot();
  const auto vm = view.find_uuid<VM>(uuid);
  if (!vm || (*vm)[VM::is_control_domain]) return true;
  if (!(*vm)[VM::current_operations].empty()) return false;
  const auto domain = services_->hypervisor.domain(uuid);
  if (domain && domain->busy) return false;
  const VmPowerState recorded = (*vm)[VM::power_state];
  if (domain && !is_up(recorded) && domain->power == hypervisor::DomainPower::paused) {
    // Built, but never acknowledged as started: what was begun is taken back.
    spdlog::info("VM {} was being started when the toolstack ended; its domain is removed", uuid);
    services_->hypervisor.destroy(uuid);
    poke("");
    return true;
  }
  if (domain) {
    bool unchanged = true;
    services_->store.commit([&](db::Transaction& change) {
      const auto now = change.find(vm->ref());
      // An operation began meanwhile: it knows better.
      unchanged = now && is_idle(change, *now);
      if (unchanged) record_started(change, *services_, vm->ref(), *domain);
    });
    if (unchanged) settle_devices(*services_, vm->ref(), *domain);
    return unchanged;
  }
  if (!is_up(recorded)) return true;
  EventKind how = EventKind::ended_gone;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = ended_.find(uuid); found != ended_.end()) how = found->second;
    ended_.erase(uuid);
  }
  const bool again =
      (how == EventKind::ended_reboot &&
       (*vm)[VM::actions_after_reboot] == model::OnNormalExit::Restart) ||
      (how == EventKind::ended_shutdown &&
       (*vm)[VM::actions_after_shutdown] == model::OnNormalExit::Restart) ||
      (how == EventKind::ended_crash &&
       ((*vm)[VM::actions_after_crash] == model::OnCrashBehaviour::Restart ||
        (*vm)[VM::actions_after_crash] == model::OnCrashBehaviour::CoredumpAndRestart));
  start_([this, ref = vm->ref(), uuid, again] {
    try {
      Context context(*services_, internal_session(), {});
      const OperationLock lock(context, ref, model::VmOperations::HardShutdown);
      if (complete_suspend(context, ref)) return;
      const db::Snapshot now = context.view();
      context.run(stop_plan(*services_, now, now.get(ref)),
                  [&](db::Transaction& change) { record_halted(change, ref); });
    } catch (const std::exception& error) {
      spdlog::warn("VM {} has ended, but cannot be recorded as halted: {}", uuid, error.what());
      return;
    }
    if (!again) return;
    try {
      Context context(*services_, internal_session(), {});
      const OperationLock lock(context, ref, model::VmOperations::Start);
      const db::Snapshot now = context.view();
      auto started = std::make_shared<Started>();
      context.run(start_plan(*services_, now, now.get(ref), false, started),
                  [&](db::Transaction& change) {
                    record_started(change, *services_, ref, started->domain);
                  });
    } catch (const std::exception& error) {
      spdlog::warn("VM {} cannot be started again: {}", uuid, error.what());
    }
  });
  return true;
}

bool Reconciler::look_at_guest(const std::string& uuid) {
  const auto vm = services_->store.snapshot().find_uuid<VM>(uuid);
  if (!vm) return true;
  // The agent may answer before VM.start has recorded the guest as running.
  if (!is_up((*vm)[VM::power_state])) return (*vm)[VM::current_operations].empty();
  if (!services_->hypervisor.domain(uuid)) return true;
  const hypervisor::GuestFacts facts = services_->hypervisor.guest(uuid);
  services_->store.commit([&](db::Transaction& change) {
    const auto now = change.find(vm->ref());
    if (now && is_up((*now)[VM::power_state])) record_guest(change, vm->ref(), facts);
  });
  return true;
}

}  // namespace xcp::xapi
