// SPDX-License-Identifier: GPL-2.0-or-later
// Domains that end or reboot by themselves, or by somebody else's hand: what the VM's spec says is
// done, by a few workers, so that one slow end keeps no other waiting.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/ref.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"

namespace xcp::hypervisor::libxl {

namespace {

// A guest that powers off this long after it was asked to reboot does so for a reason of its own.
constexpr std::chrono::minutes reboot_takes_at_most{10};

libxl_action_on_shutdown action_of(OnEvent action, bool with_core) {
  switch (action) {
    case OnEvent::restart:
      return with_core ? LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART
                       : LIBXL_ACTION_ON_SHUTDOWN_RESTART;
    case OnEvent::preserve:
      return LIBXL_ACTION_ON_SHUTDOWN_PRESERVE;
    case OnEvent::destroy:
      break;
  }
  return with_core ? LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY : LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
}

// What follows the end: as the configuration says, where there is one.
libxl_action_on_shutdown action_after(Context& context, const Kept& kept,
                                      libxl_shutdown_reason reason) {
  const VmSpec& spec = kept.spec;
  OwnedConfig said;
  const bool known =
      !kept.configuration.empty() &&
      libxl_domain_config_from_json(context, &said.value, kept.configuration.c_str()) == 0;
  switch (reason) {
    case LIBXL_SHUTDOWN_REASON_POWEROFF:
      return known ? said.value.on_poweroff : LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    case LIBXL_SHUTDOWN_REASON_REBOOT:
    case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
      return known ? said.value.on_reboot : action_of(spec.on_reboot, false);
    case LIBXL_SHUTDOWN_REASON_WATCHDOG:
      return known ? said.value.on_watchdog : action_of(spec.on_crash, spec.core_on_crash);
    default:
      return known ? said.value.on_crash : action_of(spec.on_crash, spec.core_on_crash);
  }
}

std::string moment() {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr)));
}

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

void LibxlDriver::handle_stop(Context& context, const Found& found, int number) {
  auto reason = static_cast<libxl_shutdown_reason>(number);
  EventKind told = EventKind::ended_crash;
  switch (reason) {
    case LIBXL_SHUTDOWN_REASON_SUSPEND:
      return;  // whoever saves it goes on with it
    case LIBXL_SHUTDOWN_REASON_POWEROFF: {
      std::lock_guard lock(mutex_);
      const auto asked = reboot_asked_.find(found.uuid);
      const bool meant_reboot =
          asked != reboot_asked_.end() &&
          std::chrono::steady_clock::now() - asked->second < reboot_takes_at_most;
      if (meant_reboot) reason = LIBXL_SHUTDOWN_REASON_REBOOT;
      told = meant_reboot ? EventKind::ended_reboot : EventKind::ended_shutdown;
      break;
    }
    case LIBXL_SHUTDOWN_REASON_REBOOT:
    case LIBXL_SHUTDOWN_REASON_SOFT_RESET:
      told = EventKind::ended_reboot;
      break;
    case LIBXL_SHUTDOWN_REASON_CRASH:
    case LIBXL_SHUTDOWN_REASON_WATCHDOG:
    case LIBXL_SHUTDOWN_REASON_UNKNOWN:
      break;
  }
  end_stopped(context, found, action_after(context, *found.kept, reason), told);
}

void LibxlDriver::end_stopped(Context& context, const Found& found, libxl_action_on_shutdown action,
                              EventKind told) {
  switch (action) {
    case LIBXL_ACTION_ON_SHUTDOWN_PRESERVE:
      events_.append(EventKind::changed, found.uuid);
      return;
    case LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART:
      dump_core(context, found);
      [[fallthrough]];
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART:
    case LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET:
      restart(context, found);
      return;
    case LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME:
      put_aside(context, found);
      return;
    case LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY:
      dump_core(context, found);
      break;
    case LIBXL_ACTION_ON_SHUTDOWN_DESTROY:
      break;
  }
  const bool to_tell = claim_end(found.domid);
  take_down(context, found.domid);
  clear_after(found.uuid);
  if (to_tell) events_.append(told, found.uuid);
}

// The guest's memory in a file, for who looks for the cause. One that cannot be written keeps
// nobody from what follows.
void LibxlDriver::dump_core(Context& context, const Found& found) {
  const auto option = settings_.options.find("cores");
  const std::filesystem::path directory =
      option != settings_.options.end() ? option->second : "/var/lib/xen/dump";
  const std::string& name = found.kept->spec.name;
  const bool plain = !name.empty() && name.find('/') == std::string::npos && name[0] != '.';
  const std::string path =
      directory / fmt::format("{}-{}.{}.core", moment(), plain ? name : found.uuid, found.domid);
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  // libxl opens it by its name; the memory of a guest is nobody else's to read.
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file && libxl_domain_core_dump(context, found.domid, path.c_str(), nullptr) == 0) {
    spdlog::warn("VM {} crashed; its memory is in {}", found.uuid, path);
    return;
  }
  spdlog::error("VM {} crashed, and its memory could not be written to {}", found.uuid, path);
  if (file) unlink(path.c_str());
}

// The domain stays as it ended, nobody's and under another name; the VM goes on in a new one.
void LibxlDriver::put_aside(Context& context, const Found& found) {
  const Kept kept = *found.kept;
  PendingRecord record(settings_.state_dir + "/pending", {PendingKind::build, found.uuid, {}});
  const auto shown = show_meanwhile(state_of(context, found));
  claim_end(found.domid);
  watch_->untrack(found.domid);
  try {
    DomainConfig config(context, kept.spec, kept.spec.name, places_for(kept.spec),
                        kept.configuration);
    context.check(libxl_domain_preserve(context, found.domid, &config.get()->c_info,
                                        ("-" + moment()).c_str(), uuid_bytes(make_uuid())),
                  "cannot put the old domain of VM " + found.uuid + " aside");
    libxl_userdata_unlink(context, found.domid, "xcp");
    const Found again = build_anew(context, kept);
    context.check(libxl_domain_unpause(context, again.domid, nullptr),
                  "cannot unpause VM " + found.uuid);
  } catch (...) {
    clear_after(found.uuid);
    events_.append(EventKind::ended_gone, found.uuid);
    throw;
  }
  record.done();
  events_.append(EventKind::rebooted, found.uuid);
}

}  // namespace xcp::hypervisor::libxl
