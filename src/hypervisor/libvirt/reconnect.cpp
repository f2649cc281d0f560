// SPDX-License-Identifier: GPL-2.0-or-later
// What the driver does about the past: domains it finds running, and what a killed predecessor left
// half done. libvirt needs a moment to find out which of the domains it remembers still live.
#include <libvirt/libvirt-qemu.h>
#include <unistd.h>

#include <filesystem>

#include "hypervisor/libvirt/libvirt_driver.hpp"
#include "hypervisor/libvirt/pending.hpp"
#include "hypervisor/libvirt/strays.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

std::optional<std::string> ask_monitor(virDomainPtr domain, const std::string& command) {
  char* reply = nullptr;
  if (virDomainQemuMonitorCommand(domain, command.c_str(), &reply, 0) != 0) return std::nullopt;
  return Text(reply).get();
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

void LibvirtDriver::adopt_running() {
  for (const DomainHandle& domain : connection_->all()) {
    try {
      const DomainView view = view_of(domain.get(), "");
      if (!view.state.ours) continue;
      {
        std::lock_guard lock(mutex_);
        adopted_.push_back(view.state.uuid);
      }
      if (view.agent_connected) agents_.connected(view.state.uuid);
      if (!view.serial_socket.empty()) consoles_.watch(view.state.uuid, view.serial_socket);
    } catch (const Failure&) {
      // It ended just now, or nobody serves its console: confirm() will see, console() tries again.
    }
  }
}

// An adopted domain turns out to live or to have ended while nobody looked; libvirt tells the
// latter to nobody.
void LibvirtDriver::confirm(const std::string& uuid) {
  const auto hold = locks_.hold(uuid);
  if (still_runs(uuid)) {
    if (!run_directory_.empty()) remove_strays(uuid);
    return;
  }
  clear_after(uuid);
  events_.append(EventKind::ended_gone, uuid);
}

// With a libvirtd of its own nothing can be half done: it survived us.
void LibvirtDriver::remove_strays(const std::string& uuid) {
  const DomainHandle domain = connection_->find(uuid);
  if (!domain) return;
  const Text xml(virDomainGetXMLDesc(domain.get(), 0));
  const auto peripherals = ask_monitor(domain.get(), list_peripherals);
  const auto nodes = ask_monitor(domain.get(), list_block_nodes);
  if (!xml || !peripherals || !nodes) return;
  const auto commands = stray_commands(xml.get(), *peripherals, *nodes);
  if (commands.empty()) {
    std::lock_guard lock(mutex_);
    stray_rounds_.erase(uuid);
    return;
  }
  for (const std::string& command : commands) ask_monitor(domain.get(), command);
  // A guest lets a device go in its own time, and only then its image can be closed.
  std::lock_guard lock(mutex_);
  if (++stray_rounds_[uuid] < 60) adopted_.push_back(uuid);
}

}  // namespace xcp::hypervisor::libvirt
