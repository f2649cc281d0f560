// SPDX-License-Identifier: GPL-2.0-or-later
// How domains of the libxl driver begin, change power and end by our doing.
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <ctime>

#include "base/fd.hpp"
#include "base/ref.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/xenstore.hpp"
#include "hypervisor/membership.hpp"
#include "hypervisor/pending.hpp"
#include "hypervisor/spec_check.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using std::chrono::seconds;

// Xen frees the memory of a domain that was destroyed little by little.
constexpr int seconds_for_memory = 10;
constexpr seconds console_timeout{10};

UniqueFd open_terminal(const std::string& path) {
  if (!path.starts_with("/dev/pts/")) return {};
  UniqueFd terminal(open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  termios settings{};
  if (terminal && tcgetattr(terminal.get(), &settings) == 0) {
    cfmakeraw(&settings);
    tcsetattr(terminal.get(), TCSANOW, &settings);
  }
  return terminal;
}

}  // namespace

Places LibxlDriver::places_for(const VmSpec& spec) const {
  const auto option = [&](const char* key, const char* otherwise) {
    const auto found = settings_.options.find(key);
    return found != settings_.options.end() ? found->second : std::string(otherwise);
  };
  Places places;
  if (spec.vnc) places.vnc_socket = settings_.state_dir + "/sockets/" + spec.uuid + ".vnc";
  places.script_of_lone_nic = option("nic_alone", "/usr/lib/xcp/hypervisor/nic-alone");
  places.guest_cpus = option("guest_cpus", "");
  return places;
}

// libxl leaves a file to QEMU unseen, and QEMU tells nobody but its log that there is none.
void LibxlDriver::require_readable(const std::string& uuid, const DiskSpec& disk) {
  if (!disk.path.empty() && access(disk.path.c_str(), R_OK) != 0)
    throw system_failure("cannot open disk " + disk.device + " of VM " + uuid + ", " + disk.path,
                         errno);
}

void LibxlDriver::require_memory(Context& context, libxl_domain_config* config) {
  std::uint64_t needed = 0;
  context.check(libxl_domain_need_memory(context, config, no_domain, &needed),
                "cannot tell how much memory is needed");
  if (libxl_wait_for_free_memory(context, no_domain, needed, seconds_for_memory) == 0) return;
  std::uint64_t there = 0;
  libxl_get_free_memory(context, &there);
  throw Failure("HOST_NOT_ENOUGH_FREE_MEMORY",
                {std::to_string(needed << 10), std::to_string(there << 10)});
}

// ---- following --------------------------------------------------------------------------------

void LibxlDriver::follow(const Found& found) {
  {
    std::lock_guard lock(mutex_);
    followed_[found.domid] = found.uuid;
  }
  watch_->track(found.domid, found.uuid);
}

bool LibxlDriver::claim_end(std::uint32_t domid) {
  std::lock_guard lock(mutex_);
  return followed_.erase(domid) != 0;
}

void LibxlDriver::not_ended(std::uint32_t domid, const std::string& uuid) {
  std::lock_guard lock(mutex_);
  followed_[domid] = uuid;
}

// A guest without a console is better than none: console() tries again and says so.
void LibxlDriver::watch_console(const Found& found) {
  const std::string base = "/local/domain/" + std::to_string(found.domid);
  const bool serial = found.kept->spec.type == GuestType::hvm;
  const auto path =
      Xenstore().wait_for(base + (serial ? "/serial/0/tty" : "/console/tty"), console_timeout);
  if (!path) return;
  if (UniqueFd terminal = open_terminal(*path)) consoles_.watch(found.uuid, std::move(terminal));
}

// ---- making -----------------------------------------------------------------------------------

// A domain as `spec` says, and `kept` with it. Nothing is left when this throws.
LibxlDriver::Found LibxlDriver::make_domain(Context& context, const Kept& kept, const VmSpec& spec,
                                            const std::string& name, const Places& places,
                                            const Create& create) {
  for (const DiskSpec& disk : spec.disks) require_readable(spec.uuid, disk);
  DomainConfig config(context, spec, name, places, kept.configuration);
  require_memory(context, config.get());
  std::uint32_t domid = no_domain;
  const int code = create(config.get(), &domid);
  try {
    context.check(code, "cannot build VM " + spec.uuid);
    write_kept(context, domid, kept);
    const auto found = find_number(context, domid);
    if (!found) throw internal_error("VM " + spec.uuid + " ended while it was being built");
    return *found;
  } catch (...) {
    if (domid != no_domain && domid != 0) libxl_domain_destroy(context, domid, nullptr);
    throw;
  }
}

// Everything between "no such domain" and "paused, complete, followed".
LibxlDriver::Found LibxlDriver::bring_up(Context& context, const Kept& kept, const Create& create) {
  const VmSpec& spec = kept.spec;
  const Membership building(mutex_, building_, spec.uuid);
  // libxl wants names that differ; a VM's need not.
  std::string name = spec.name.empty() ? spec.uuid : spec.name;
  std::uint32_t holder = 0;
  const bool taken = libxl_name_to_domid(context, name.c_str(), &holder) == 0;
  {
    std::lock_guard lock(mutex_);
    if (taken || names_.contains(name)) name = spec.uuid;
  }
  const Membership named(mutex_, names_, name);
  const Found found = make_domain(context, kept, spec, name, places_for(spec), create);
  watch_console(found);
  follow(found);
  return found;
}

std::shared_ptr<void> LibxlDriver::show_meanwhile(const DomainState& state) {
  std::lock_guard lock(mutex_);
  restarting_[state.uuid] = state;
  return {nullptr, [this, uuid = state.uuid](void*) {
            std::lock_guard showing(mutex_);
            restarting_.erase(uuid);
          }};
}

LibxlDriver::Found LibxlDriver::build_anew(Context& context, const Kept& kept) {
  return bring_up(context, kept, [&](libxl_domain_config* config, std::uint32_t* domid) {
    return libxl_domain_create_new(context, config, domid, nullptr, nullptr);
  });
}

DomainState LibxlDriver::build(VmSpec spec) {
  return build_as(std::move(spec), {});
}

DomainState LibxlDriver::build_as(VmSpec spec, std::string configuration) {
  check_spec(spec);
  check_for_xen(spec);
  const auto hold = locks_.hold(spec.uuid);
  Context context;
  if (const auto found = find_ours(context, spec.uuid))
    throw Failure("DOMAIN_EXISTS", {spec.uuid, std::to_string(found->domid)});
  clear_after(spec.uuid);
  PendingRecord record(settings_.state_dir + "/pending", {PendingKind::build, spec.uuid, {}});
  Kept kept{spec, std::time(nullptr), {}};
  kept.configuration = std::move(configuration);
  const Found found = build_anew(context, kept);
  record.done();
  events_.append(EventKind::changed, spec.uuid);
  return state_of(context, found);
}

// ---- power ------------------------------------------------------------------------------------

void LibxlDriver::unpause(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  if (!found.paused) return;
  context.check(libxl_domain_unpause(context, found.domid, nullptr), "cannot unpause VM " + uuid);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::pause(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  if (found.paused) return;
  context.check(libxl_domain_pause(context, found.domid, nullptr), "cannot pause VM " + uuid);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::shutdown(std::string uuid, ShutdownKind kind) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  const bool reboot = kind == ShutdownKind::reboot;
  {
    std::lock_guard lock(mutex_);
    reboot_asked_.erase(uuid);
  }
  const int code = reboot ? libxl_domain_reboot(context, found.domid, nullptr)
                          : libxl_domain_shutdown(context, found.domid, nullptr);
  if (code != ERROR_NOPARAVIRT) {
    context.check(code, "cannot ask for the end of VM " + uuid);
    return;
  }
  // A power button knows only "off": we remember what it meant.
  if (reboot) {
    std::lock_guard lock(mutex_);
    reboot_asked_[uuid] = std::chrono::steady_clock::now();
  }
  context.check(libxl_send_trigger(context, found.domid, LIBXL_TRIGGER_POWER, 0, nullptr),
                "cannot press the power button of VM " + uuid);
}

void LibxlDriver::reset(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  Context context;
  restart(context, require(context, uuid));
}

// The VM goes on in a new domain, made as the old one was. Its lock is held.
void LibxlDriver::restart(Context& context, const Found& found) {
  PendingRecord record(settings_.state_dir + "/pending", {PendingKind::build, found.uuid, {}});
  // Whoever looks meanwhile sees a VM that runs.
  DomainState between = state_of(context, found);
  between.power = DomainPower::running;
  const auto shown = show_meanwhile(between);
  claim_end(found.domid);
  try {
    take_down(context, found.domid);
  } catch (...) {
    follow(found);
    throw;
  }
  try {
    const Found again = build_anew(context, *found.kept);
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

// ---- ending -----------------------------------------------------------------------------------

void LibxlDriver::take_down(Context& context, std::uint32_t domid) {
  watch_->untrack(domid);
  const int code = libxl_domain_destroy(context, domid, nullptr);
  if (code == ERROR_DOMAIN_NOTFOUND) return;
  context.check(code, "cannot destroy domain " + std::to_string(domid));
}

void LibxlDriver::clear_after(const std::string& uuid) {
  consoles_.forget(uuid);
  unlink((settings_.state_dir + "/sockets/" + uuid + ".vnc").c_str());
  std::lock_guard lock(mutex_);
  reboot_asked_.erase(uuid);
}

void LibxlDriver::destroy(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const auto found = find_ours(context, uuid);
  if (!found) return;
  PendingRecord record(settings_.state_dir + "/pending", {PendingKind::destroy, uuid, {}});
  const bool to_tell = claim_end(found->domid);
  try {
    take_down(context, found->domid);
  } catch (...) {
    follow(*found);
    throw;
  }
  record.done();
  clear_after(uuid);
  if (to_tell) events_.append(EventKind::ended_gone, uuid);
}

void LibxlDriver::forget(std::string uuid) {
  if (!is_uuid(uuid)) throw Failure("INVALID_VALUE", {"uuid", uuid});
  const auto hold = locks_.hold(uuid);
  Context context;
  if (find_ours(context, uuid))
    throw Failure("OPERATION_NOT_ALLOWED", {"VM " + uuid + " runs; it cannot be forgotten"});
  clear_after(uuid);
}

// ---- consoles ---------------------------------------------------------------------------------

UniqueFd LibxlDriver::console(std::string uuid, ConsoleKind kind) {
  Context context;
  const Found found = require(context, uuid);
  switch (kind) {
    case ConsoleKind::serial:
      try {
        return consoles_.open(uuid);
      } catch (const Failure&) {
        watch_console(found);
        return consoles_.open(uuid);
      }
    case ConsoleKind::vnc: {
      const std::string path = places_for(found.kept->spec).vnc_socket;
      if (path.empty())
        throw Failure("VALUE_NOT_SUPPORTED", {"console", "vnc", "the domain has no such console"});
      if (auto socket = connect_unix(path)) return std::move(*socket);
      throw internal_error("nobody serves the VNC display of VM " + uuid);
    }
  }
  throw internal_error("unknown kind of console");
}

}  // namespace xcp::hypervisor::libxl
