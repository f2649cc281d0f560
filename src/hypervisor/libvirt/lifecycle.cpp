// SPDX-License-Identifier: GPL-2.0-or-later
// How domains of the libvirt driver begin, change power and end.
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <unistd.h>

#include <boost/describe/enum_to_string.hpp>
#include <ctime>
#include <filesystem>

#include "base/fd.hpp"
#include "base/ref.hpp"
#include "hypervisor/libvirt/libvirt_driver.hpp"
#include "hypervisor/membership.hpp"
#include "hypervisor/pending.hpp"
#include "hypervisor/spec_check.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

using std::chrono::seconds;

// Events come from another thread a moment after the call that caused them.
constexpr seconds event_timeout{5};
constexpr seconds firmware_timeout{1};

using Files = std::vector<std::string>;

// libvirt removes the file of a failed save, even one that was there before and has an owner.
void keep_file(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

void copy_template(const std::string& from, const std::string& to) {
  const auto bytes = read_file(from);
  if (!bytes) throw internal_error("the UEFI variable template " + from + " is not there");
  write_file_durably(to, *bytes, 0600);
}

}  // namespace

// Guests that ask for more than there is would end each other's lives (and ours) by and by.
void LibvirtDriver::require_memory(std::int64_t bytes) {
  const std::int64_t available = host().memory_free_bytes;
  if (bytes > available)
    throw Failure("HOST_NOT_ENOUGH_FREE_MEMORY",
                  {std::to_string(bytes), std::to_string(available)});
}

std::string LibvirtDriver::kept_nvram(const std::string& uuid) const {
  return settings_.state_dir + "/nvram/" + uuid + ".fd";
}

// ---- making -----------------------------------------------------------------------------------

void LibvirtDriver::require_absent(const std::string& uuid) {
  confirm(uuid);
  if (const auto found = find_ours(uuid))
    throw Failure("DOMAIN_EXISTS", {uuid, std::to_string(found->view.state.domid)});
}

LibvirtDriver::Nvram LibvirtDriver::choose_nvram(const VmSpec& spec) const {
  if (spec.firmware != Firmware::uefi) return {};
  Nvram nvram;
  nvram.path = spec.nvram_path.empty() ? kept_nvram(spec.uuid) : spec.nvram_path;
  nvram.fresh = !exists(nvram.path);
  return nvram;
}

// Everything between "no such domain" and "paused, complete": `create` makes libvirt start it.
// Nothing is left when this throws.
DomainState LibvirtDriver::bring_up(const VmSpec& spec, const Mark& mark,
                                    const std::function<void(virConnectPtr)>& create) {
  const Membership building(mutex_, building_, spec.uuid);
  try {
    create(connection_->get().get());
    const DomainHandle domain = connection_->find(spec.uuid);
    if (!domain) throw internal_error("VM " + spec.uuid + " ended while it was being built");
    const auto aliases = view_of(domain.get(), spec.uuid).nic_aliases;
    Mark marked = mark;
    for (const NicSpec& nic : spec.nics)
      if (nic.backing == NicBacking::user && !nic.forwards.empty())
        marked.forwards[nic.device] =
            add_forwards(domain.get(), spec.uuid, nic, aliases.at(nic.device));
    if (!marked.forwards.empty()) write_mark(domain.get(), spec.uuid, marked);
    const DomainView view = view_of(domain.get(), spec.uuid);
    consoles_.watch(spec.uuid, view.serial_socket);
    DomainState state = view.state;
    state.power = power_of(domain.get());
    return state;
  } catch (...) {
    abandon(spec.uuid);
    throw;
  }
}

// Takes back a build that failed, as far as that can be done.
void LibvirtDriver::abandon(const std::string& uuid) {
  try {
    if (const DomainHandle domain = connection_->find(uuid)) end(domain.get(), uuid);
  } catch (const Failure&) {
    // libvirtd is away. The domain, should there be one, is listed as soon as it is back.
  }
  clear_after(uuid);
}

DomainState LibvirtDriver::build(VmSpec spec) {
  check_spec(spec);
  if (spec.type != GuestType::hvm)
    throw Failure("VALUE_NOT_SUPPORTED",
                  {"type", boost::describe::enum_to_string(spec.type, ""),
                   "guests without a whole PC run on Xen only; set the VM's domain type to hvm"});
  const auto hold = locks_.hold(spec.uuid);
  require_absent(spec.uuid);
  require_memory(spec.memory_target_bytes != 0 ? spec.memory_target_bytes
                                               : spec.memory_static_max_bytes);
  clear_after(spec.uuid);
  const Nvram nvram = choose_nvram(spec);
  spec.nvram_path = nvram.path;
  const Mark mark{std::time(nullptr), spec.on_reboot, {}};
  const std::string xml = domain_xml(spec, mark, host_view_);  // throws where there is no firmware
  PendingRecord record(
      settings_.state_dir + "/pending",
      {PendingKind::build, spec.uuid, nvram.fresh ? std::vector{nvram.path} : Files{}});
  if (nvram.fresh && !nvram.path.empty()) copy_template(uefi_vars_, nvram.path);
  DomainState state = bring_up(spec, mark, [&](virConnectPtr connection) {
    const DomainHandle domain(virDomainCreateXML(connection, xml.c_str(), VIR_DOMAIN_START_PAUSED));
    if (!domain) throw libvirt_failure("cannot build VM", spec.uuid);
  });
  record.done();
  return state;
}

DomainState LibvirtDriver::restore(VmSpec spec, std::string path) {
  check_spec(spec);
  const auto hold = locks_.hold(spec.uuid);
  require_absent(spec.uuid);
  require_memory(spec.memory_target_bytes != 0 ? spec.memory_target_bytes
                                               : spec.memory_static_max_bytes);
  clear_after(spec.uuid);
  const auto connection = connection_->get();
  const Text saved(virDomainSaveImageGetXMLDesc(connection.get(), path.c_str(),
                                                VIR_DOMAIN_SAVE_IMAGE_XML_SECURE));
  if (!saved) throw Failure("SUSPEND_IMAGE_NOT_ACCESSIBLE", {path});
  const Nvram nvram = choose_nvram(spec);
  PendingRecord record(
      settings_.state_dir + "/pending",
      {PendingKind::build, spec.uuid, nvram.fresh ? std::vector{nvram.path} : Files{}});
  if (nvram.fresh && !nvram.path.empty()) copy_template(uefi_vars_, nvram.path);
  spec.nvram_path = nvram.path;
  const Mark mark{std::time(nullptr), spec.on_reboot, {}};
  const std::string xml = restored_xml(saved.get(), spec, mark, host_view_);
  DomainState state = bring_up(spec, mark, [&](virConnectPtr open) {
    if (virDomainRestoreFlags(open, path.c_str(), xml.c_str(), VIR_DOMAIN_SAVE_PAUSED) != 0)
      throw libvirt_failure("cannot restore VM", spec.uuid);
  });
  record.done();
  return state;
}

// ---- power ------------------------------------------------------------------------------------

void LibvirtDriver::unpause(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  if (power_of(found.handle.get()) == DomainPower::running) return;
  if (virDomainResume(found.handle.get()) != 0) throw libvirt_failure("cannot unpause VM", uuid);
}

void LibvirtDriver::pause(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  if (power_of(found.handle.get()) == DomainPower::paused) return;
  if (virDomainSuspend(found.handle.get()) != 0) throw libvirt_failure("cannot pause VM", uuid);
}

// False when the agent cannot do it. libvirt's own calls would wait for the guest's end.
bool LibvirtDriver::ask_agent_to_end(const Found& found, bool reboot) {
  constexpr int seconds_to_answer = 2;
  const auto ask = [&](const std::string& command) {
    return Text(
        virDomainQemuAgentCommand(found.handle.get(), command.c_str(), seconds_to_answer, 0));
  };
  if (!ask(R"({"execute":"guest-ping"})")) return false;
  if (ask(std::string(R"({"execute":"guest-shutdown","arguments":{"mode":")") +
          (reboot ? "reboot" : "powerdown") + "\"}}"))
    return true;
  // This command is answered only when it fails; silence means that the guest is on its way.
  const std::string refusal = "unable to execute QEMU agent command";
  return std::string(virGetLastErrorMessage()).find(refusal) == std::string::npos;
}

void LibvirtDriver::shutdown(std::string uuid, ShutdownKind kind) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  virDomainPtr domain = found.handle.get();
  const bool reboot = kind == ShutdownKind::reboot;
  if (agents_.facts(uuid).agent_alive && ask_agent_to_end(found, reboot)) return;
  // A power button knows only "off". Where the domain is to end anyway, we remember what it meant;
  // where it is to start again in place, libvirt does.
  if (reboot && found.view.mark.on_reboot == OnEvent::restart) {
    if (virDomainReboot(domain, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN) != 0)
      throw libvirt_failure("cannot ask for a reboot of VM", uuid);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    if (reboot)
      reboot_asked_[uuid] = std::chrono::steady_clock::now();
    else
      reboot_asked_.erase(uuid);
  }
  if (virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) != 0)
    throw libvirt_failure("cannot ask for the shutdown of VM", uuid);
}

void LibvirtDriver::reset(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  virDomainPtr domain = found.handle.get();
  // QEMU treats our reset like the guest's: where the guest's would end the domain, this one must
  // not.
  const bool ends = found.view.mark.on_reboot == OnEvent::destroy;
  if (ends &&
      virDomainSetLifecycleAction(domain, VIR_DOMAIN_LIFECYCLE_REBOOT,
                                  VIR_DOMAIN_LIFECYCLE_ACTION_RESTART, VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot reset VM", uuid);
  Signals::Wait rebooted(signals_, uuid + "/reboot");
  const bool failed = virDomainReset(domain, 0) != 0;
  const Failure reason = libvirt_failure("cannot reset VM", uuid);
  if (ends) {
    // The firmware answers a reset with one of its own a moment later.
    if (!failed && rebooted.get(event_timeout)) {
      do rebooted.again();
      while (rebooted.get(firmware_timeout));
    }
    virDomainSetLifecycleAction(domain, VIR_DOMAIN_LIFECYCLE_REBOOT,
                                VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY, VIR_DOMAIN_AFFECT_LIVE);
  }
  if (failed) throw reason;
}

// ---- ending -----------------------------------------------------------------------------------

// Returns when the domain is gone and its last event was seen, so that no event of this domain can
// come after the first one of a next domain of the same VM.
void LibvirtDriver::end(virDomainPtr domain, const std::string& uuid) {
  Signals::Wait ended(signals_, uuid);
  if (virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_DEFAULT) != 0) {
    const int code = last_error_code();
    if (code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID) return;
    throw libvirt_failure("cannot destroy VM", uuid);
  }
  ended.get(event_timeout);
}

void LibvirtDriver::clear_after(const std::string& uuid) {
  consoles_.forget(uuid);
  agents_.forget(uuid);
  {
    std::lock_guard lock(mutex_);
    stray_disks_.erase(uuid);
    spent_.erase(uuid);
  }
  unlink(serial_socket(host_view_, uuid).c_str());
  unlink(agent_socket(host_view_, uuid).c_str());
}

void LibvirtDriver::destroy(std::string uuid) {
  const auto hold = locks_.hold(uuid);
  const auto found = find_ours(uuid);
  if (!found) return;
  end(found->handle.get(), uuid);
  clear_after(uuid);
}

void LibvirtDriver::forget(std::string uuid) {
  if (!is_uuid(uuid)) throw Failure("INVALID_VALUE", {"uuid", uuid});
  const auto hold = locks_.hold(uuid);
  if (find_ours(uuid))
    throw Failure("OPERATION_NOT_ALLOWED", {"VM " + uuid + " runs; it cannot be forgotten"});
  clear_after(uuid);
  unlink(kept_nvram(uuid).c_str());
  unlink((settings_.state_dir + "/libvirt/log/qemu/" + uuid + ".log").c_str());
}

// Clears up after domains that ended, looks after those that were found, and comes back to a
// libvirtd that was away: nobody else may call for long, and events come only over a connection.
void LibvirtDriver::tidy() {
  constexpr seconds between_looks{1};
  bool away = false;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto wanted = [&] {
      return stopping_ || (!away && (!ended_.empty() || !adopted_.empty()));
    };
    tidy_.wait_for(lock, between_looks, wanted);
    if (stopping_) return;
    const std::optional<std::string> ended =
        ended_.empty() ? std::nullopt : std::optional(ended_.front());
    const std::optional<std::string> adopted =
        adopted_.empty() ? std::nullopt : std::optional(*adopted_.begin());
    lock.unlock();
    try {
      connection_->get();
      if (ended) clear_after_end(*ended);
      if (adopted) {
        const auto hold = locks_.hold(*adopted);
        confirm(*adopted);
      }
      away = false;
    } catch (const Failure&) {
      away = true;
    }
    lock.lock();
    if (ended && !away) ended_.pop_front();
  }
}

// The VM may have been built again meanwhile: what is there then is the new domain's.
void LibvirtDriver::clear_after_end(const std::string& uuid) {
  const auto hold = locks_.hold(uuid);
  if (!connection_->find(uuid)) clear_after(uuid);
}

// ---- memory images ----------------------------------------------------------------------------

void LibvirtDriver::save(std::string uuid, std::string path) {
  const auto hold = locks_.hold(uuid);
  confirm(uuid);
  const Found found = require(uuid);
  require_no_strays(uuid);
  const bool fresh = !exists(path);
  PendingRecord record(settings_.state_dir + "/pending",
                       {PendingKind::save, uuid, fresh ? std::vector{path} : Files{}});
  Signals::Wait ended(signals_, uuid);
  if (virDomainSaveFlags(found.handle.get(), path.c_str(), nullptr, 0) != 0) {
    const Failure reason = libvirt_failure("cannot save VM", uuid);
    if (!fresh) keep_file(path);
    throw reason;
  }
  record.done();
  ended.get(event_timeout);
  clear_after(uuid);
}

void LibvirtDriver::checkpoint(std::string uuid, std::string path,
                               std::map<std::string, DiskSpec> new_images) {
  const auto hold = locks_.hold(uuid);
  confirm(uuid);
  const Found found = require(uuid);
  require_no_strays(uuid);
  const bool fresh = !exists(path);
  PendingRecord record(settings_.state_dir + "/pending",
                       {PendingKind::checkpoint, uuid, fresh ? std::vector{path} : Files{}});
  try {
    take_snapshot(found, uuid, new_images, path);
  } catch (...) {
    if (!fresh) keep_file(path);
    throw;
  }
  record.done();
}

}  // namespace xcp::hypervisor::libvirt
