// SPDX-License-Identifier: GPL-2.0-or-later
// Domains that end or reboot by themselves, or by somebody else's hand: what the VM's spec says is
// done, by a few workers, so that one slow end keeps no other waiting.
#include <algorithm>

#include "hypervisor/libxl/libxl_driver.hpp"

namespace xcp::hypervisor::libxl {

namespace {

// A guest that powers off this long after it was asked to reboot does so for a reason of its own.
constexpr std::chrono::minutes reboot_takes_at_most{10};

}  // namespace

void LibxlDriver::post_end(End end) {
  std::lock_guard lock(mutex_);
  ends_.push_back(std::move(end));
  ended_.notify_one();
}

void LibxlDriver::work_on_ends() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ended_.wait(lock, [this] { return stopping_ || !ends_.empty(); });
    if (stopping_) return;
    const End end = std::move(ends_.front());
    ends_.pop_front();
    lock.unlock();
    try {
      handle(end);
    } catch (const std::exception&) {
      // restart() has told of a guest that could not be made again. A domain that could not be
      // destroyed is still listed, and the next daemon tries again.
    }
    lock.lock();
  }
}

void LibxlDriver::handle(const End& end) {
  const auto hold = locks_.hold(end.uuid);
  Context context;
  const auto found = find(context, end.uuid);
  if (end.gone) {
    if (!claim_end(end.domid)) return;
    if (!found) clear_after(end.uuid);
    events_.append(EventKind::ended_gone, end.uuid);
    return;
  }
  // Meanwhile somebody else may have dealt with it.
  if (!found || found->domid != end.domid || !found->kept || !found->stopped) return;
  handle_stop(context, *found, end.reason);
}

void LibxlDriver::handle_stop(Context& context, const Found& found, int reason) {
  const VmSpec& spec = found.kept->spec;
  switch (static_cast<libxl_shutdown_reason>(reason)) {
    case LIBXL_SHUTDOWN_REASON_POWEROFF: {
      bool meant_reboot = false;
      {
        std::lock_guard lock(mutex_);
        const auto asked = reboot_asked_.find(found.uuid);
        meant_reboot = asked != reboot_asked_.end() &&
                       std::chrono::steady_clock::now() - asked->second < reboot_takes_at_most;
      }
      if (meant_reboot)
        end_stopped(context, found, spec.on_reboot, EventKind::ended_reboot);
      else
        end_stopped(context, found, OnEvent::destroy, EventKind::ended_shutdown);
      return;
    }
    case LIBXL_SHUTDOWN_REASON_REBOOT:
    case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
      end_stopped(context, found, spec.on_reboot, EventKind::ended_reboot);
      return;
    case LIBXL_SHUTDOWN_REASON_SUSPEND:
      return;  // whoever saves it goes on with it
    case LIBXL_SHUTDOWN_REASON_CRASH:
    case LIBXL_SHUTDOWN_REASON_WATCHDOG:
    case LIBXL_SHUTDOWN_REASON_UNKNOWN:
      end_stopped(context, found, spec.on_crash, EventKind::ended_crash);
      return;
  }
}

void LibxlDriver::end_stopped(Context& context, const Found& found, OnEvent action,
                              EventKind told) {
  switch (action) {
    case OnEvent::restart:
      restart(context, found);
      return;
    case OnEvent::preserve:
      events_.append(EventKind::changed, found.uuid);
      return;
    case OnEvent::destroy:
      break;
  }
  const bool to_tell = claim_end(found.domid);
  take_down(context, found.domid);
  clear_after(found.uuid);
  if (to_tell) events_.append(told, found.uuid);
}

}  // namespace xcp::hypervisor::libxl
