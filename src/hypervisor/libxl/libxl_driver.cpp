// SPDX-License-Identifier: GPL-2.0-or-later
// Start and stop of the libxl driver: what a daemon that was killed left is cleared away, domains
// of ours are followed again.
#include "hypervisor/libxl/libxl_driver.hpp"

#include <unistd.h>

#include <filesystem>

#include "base/fd.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr int workers_on_ends = 4;

const DriverSettings& checked(const DriverSettings& settings) {
  if (!settings.state_dir.starts_with('/'))
    throw internal_error("the libxl driver needs an absolute state directory");
  for (const char* part : {"", "/sockets", "/consoles", "/pending"})
    std::filesystem::create_directories(settings.state_dir + part);
  return settings;
}

}  // namespace

LibxlDriver::LibxlDriver(const DriverSettings& settings)
    : settings_(checked(settings)), consoles_(settings.state_dir + "/consoles") {
  Context context;
  watch_ = std::make_unique<DomainWatch>(DomainWatch::Listener{
      [this](std::uint32_t domid, const std::string& uuid, int reason) {
        post_end({domid, uuid, false, reason});
      },
      [this](std::uint32_t domid, const std::string& uuid) {
        post_end({domid, uuid, true, 0});
      },
      [this](const std::string& uuid) { events_.append(EventKind::guest_facts, uuid); },
      [this](const std::string& uuid) { events_.append(EventKind::changed, uuid); }});
  clear_left_over(context);
  adopt_running(context);
  for (int i = 0; i < workers_on_ends; ++i) workers_.emplace_back([this] { work_on_ends(); });
}

LibxlDriver::~LibxlDriver() {
  events_.close();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ended_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  watch_.reset();
}

// A build that was not finished is taken back, whatever there is of it, and an end that was begun
// is brought to its end: libxl takes the devices first, and what is left would be no guest. A guest
// whose memory was being written goes on, and half an image is removed; where the domain is gone,
// the image is whole.
void LibxlDriver::clear_left_over(Context& context) {
  const std::vector<LeftOver> left_overs = left_over(settings_.state_dir + "/pending");
  sort_out_migrations(context, left_overs);
  for (const LeftOver& left : left_overs) {
    const auto found = find(context, left.pending.uuid);
    switch (left.pending.kind) {
      case PendingKind::build:
      case PendingKind::destroy:
        if (found) take_down(context, found->domid);
        clear_after(left.pending.uuid);
        break;
      case PendingKind::save:
      case PendingKind::checkpoint:
        if (!found) break;
        if (found->stopped && found->stop_reason == LIBXL_SHUTDOWN_REASON_SUSPEND)
          resume_in_place(context, found->domid);
        for (const std::string& file : left.pending.files) unlink(file.c_str());
        break;
      case PendingKind::send:
        if (found && found->kept) go_on_here(context, *found);
        break;
      case PendingKind::receive:
        break;
    }
    unlink(left.record_path.c_str());
  }
}

void LibxlDriver::adopt_running(Context& context) {
  std::set<std::string> there;
  for (Found& found : all(context)) {
    there.insert(found.uuid);
    if (!found.kept) continue;
    if (see_real_devices(context, found, *found.kept))
      write_kept(context, found.domid, *found.kept);
    watch_console(found);
    follow(found);
  }
  // Of domains that ended while nobody looked.
  for (const char* part : {"/sockets", "/consoles"})
    for (const auto& entry : std::filesystem::directory_iterator(settings_.state_dir + part))
      if (!there.contains(entry.path().stem())) unlink(entry.path().c_str());
}

EventBatch LibxlDriver::events(std::string epoch, std::uint64_t after,
                               std::chrono::milliseconds timeout) {
  return events_.read(epoch, after, timeout);
}

std::string LibxlDriver::control(std::string command, std::map<std::string, std::string>) {
  throw Failure("NOT_IMPLEMENTED", {"control " + command});
}

}  // namespace xcp::hypervisor::libxl

extern "C" __attribute__((visibility("default"))) xcp::hypervisor::Hypervisor*
xcp_hypervisor_driver(const xcp::hypervisor::DriverSettings& settings) {
  return new xcp::hypervisor::libxl::LibxlDriver(settings);
}
