// SPDX-License-Identifier: GPL-2.0-or-later
// What the driver does about the past: domains it finds running, and what a killed predecessor left
// half done. libvirt needs a moment to find out which of the domains it remembers still live.
#include <libvirt/libvirt-qemu.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "hypervisor/libvirt/libvirt_driver.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/pending.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

std::optional<std::string> ask_monitor(virDomainPtr domain, const std::string& command) {
  char* reply = nullptr;
  if (virDomainQemuMonitorCommand(domain, command.c_str(), &reply, 0) != 0) return std::nullopt;
  return Text(reply).get();
}

QemuLists lists_of(virDomainPtr domain) {
  return {ask_monitor(domain, list_peripherals).value_or(""),
          ask_monitor(domain, list_block_nodes).value_or(""),
          ask_monitor(domain, list_blocks).value_or("")};
}

}  // namespace

// Waits until libvirt has found out about the domain: its monitor answers only after that.
bool LibvirtDriver::still_runs(const std::string& uuid) {
  const DomainHandle domain = connection_->find(uuid);
  if (!domain) return false;
  if (ask_monitor(domain.get(), R"({"execute":"query-status"})")) return true;
  return virDomainIsActive(domain.get()) == 1;
}

void LibvirtDriver::clear_left_over() {
  for (const auto& [record, pending] : left_over(settings_.state_dir + "/pending")) {
    const bool runs = still_runs(pending.uuid);
    bool remove = false;
    switch (pending.kind) {
      case PendingKind::build:
        remove = !runs;
        break;
      // The guest ended: the file is its only memory.
      case PendingKind::save:
        remove = runs;
        break;
      case PendingKind::send:
      case PendingKind::receive:
      case PendingKind::destroy:
        break;  // not with this driver
      case PendingKind::checkpoint:
        remove = true;
        break;
    }
    if (remove)
      for (const std::string& file : pending.files) unlink(file.c_str());
    unlink(record.c_str());
  }
  // Sockets and rings of domains that ended while nobody looked.
  for (const char* part : {"/sockets", "/consoles"})
    for (const auto& entry : std::filesystem::directory_iterator(settings_.state_dir + part)) {
      const std::string uuid = entry.path().stem();
      if (connection_->find(uuid) == nullptr) unlink(entry.path().c_str());
    }
}

// After a kill everything is looked through before anybody is answered, as long as that does not
// take too long; what is left comes soon after.
void LibvirtDriver::adopt_running() {
  for (const DomainHandle& domain : connection_->all()) {
    try {
      const DomainView view = view_of(domain.get(), "");
      if (!view.state.ours) continue;
      {
        std::lock_guard lock(mutex_);
        adopted_.insert(view.state.uuid);
      }
      if (view.agent_connected) agents_.connected(view.state.uuid);
      if (!view.serial_socket.empty()) consoles_.watch(view.state.uuid, view.serial_socket);
    } catch (const Failure&) {
      // It ended just now, or nobody serves its console: confirm() will see, console() tries again.
    }
  }
  const bool killed = unlink((settings_.state_dir + "/clean").c_str()) != 0;
  if (!killed) return;
  constexpr std::chrono::milliseconds patience{1500};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::set<std::string> uuids;
  {
    std::lock_guard lock(mutex_);
    uuids = adopted_;
  }
  for (const std::string& uuid : uuids)
    if (std::chrono::steady_clock::now() < deadline) confirm(uuid);
}

// An adopted domain turns out to live or to have ended while nobody looked; libvirt tells the
// latter to nobody. Called with the domain's lock held, before anything that the past could be in
// the way of, and for all domains soon after the start.
void LibvirtDriver::confirm(const std::string& uuid) {
  {
    std::lock_guard lock(mutex_);
    if (!adopted_.contains(uuid)) return;
  }
  const bool runs = still_runs(uuid);
  {
    std::lock_guard lock(mutex_);
    // Its end may have been told meanwhile.
    if (adopted_.erase(uuid) == 0) return;
  }
  if (runs) {
    if (!run_directory_.empty()) look_for_strays(uuid);
    return;
  }
  clear_after(uuid);
  events_.append(EventKind::ended_gone, uuid);
}

// With a libvirtd of its own nothing can be half done: it survived us.
void LibvirtDriver::look_for_strays(const std::string& uuid) {
  const DomainHandle domain = connection_->find(uuid);
  if (!domain) return;
  const Text xml(virDomainGetXMLDesc(domain.get(), 0));
  if (!xml) return;
  Strays strays = find_strays(xml.get(), lists_of(domain.get()));
  const std::vector<std::string> nics = strays.nics;
  // A device that went a moment ago may still hold its image. Best effort: what QEMU refuses to
  // give back now it gives back with its end.
  constexpr std::chrono::seconds patience{1};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!strays.commands.empty() && std::chrono::steady_clock::now() < deadline) {
    for (const std::string& command : strays.commands) ask_monitor(domain.get(), command);
    strays = find_strays(xml.get(), lists_of(domain.get()));
    if (!strays.commands.empty()) poll(nullptr, 0, 20);
  }
  std::lock_guard lock(mutex_);
  spent_[uuid].insert(nics.begin(), nics.end());
  if (strays.disks.empty())
    stray_disks_.erase(uuid);
  else
    stray_disks_[uuid] = strays.disks;
}

// The alias of such a disk; nullopt when the device is none.
std::optional<std::string> LibvirtDriver::stray_alias(const std::string& uuid,
                                                      const std::string& device) {
  std::lock_guard lock(mutex_);
  const auto found = stray_disks_.find(uuid);
  if (found == stray_disks_.end()) return std::nullopt;
  for (const StrayDisk& disk : found->second)
    if (disk.spec.device == device) return disk.alias;
  return std::nullopt;
}

// libvirt would save a guest without the device that the guest has, for ever.
void LibvirtDriver::require_no_strays(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  const auto found = stray_disks_.find(uuid);
  if (found == stray_disks_.end()) return;
  throw Failure("OPERATION_NOT_ALLOWED",
                {"disk " + found->second.front().spec.device + " of VM " + uuid +
                 " was plugged in at the moment this daemon was killed; unplug it first"});
}

void LibvirtDriver::unplug_stray(const Found& found, const std::string& device,
                                 const std::string& alias) {
  const std::string& uuid = found.view.state.uuid;
  {
    std::lock_guard lock(mutex_);
    spent_[uuid].insert(alias);
  }
  const auto deadline =
      std::chrono::steady_clock::now() + option_ms("unplug_ms", std::chrono::seconds(30));
  ask_monitor(found.handle.get(), removal_command(alias));
  while (has_peripheral(lists_of(found.handle.get()).peripherals, alias)) {
    if (std::chrono::steady_clock::now() > deadline)
      throw Failure("DEVICE_DETACH_TIMEOUT", {"VBD", device});
    poll(nullptr, 0, 100);
  }
  look_for_strays(uuid);
}

// The alias, or the first of its further names that is not spent; see names.hpp.
std::string LibvirtDriver::unspent(const std::string& uuid, const std::string& alias) {
  std::lock_guard lock(mutex_);
  const auto spent = spent_.find(uuid);
  std::string name = alias;
  if (spent == spent_.end()) return name;
  for (int number = 2; spent->second.contains(name); ++number)
    name = alias + "_" + std::to_string(number);
  return name;
}

}  // namespace xcp::hypervisor::libvirt
