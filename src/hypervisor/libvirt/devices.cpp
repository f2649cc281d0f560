// SPDX-License-Identifier: GPL-2.0-or-later
// Devices and sizes of running domains of the libvirt driver.
#include <arpa/inet.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "hypervisor/libvirt/libvirt_driver.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/spec_check.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

// A port of 127.0.0.1 that nobody listened on a moment ago.
int free_port() {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw system_failure("no free port on 127.0.0.1", errno);
  return ntohs(address.sin_port);
}

const DiskSpec* find_disk(const DomainState& state, const std::string& device) {
  for (const DiskSpec& disk : state.disks)
    if (disk.device == device) return &disk;
  return nullptr;
}

const NicSpec* find_nic(const DomainState& state, const std::string& device) {
  for (const NicSpec& nic : state.nics)
    if (nic.device == device) return &nic;
  return nullptr;
}

}  // namespace

// ---- NICs -------------------------------------------------------------------------------------

std::vector<PortForward> LibvirtDriver::add_forwards(virDomainPtr domain, const std::string& uuid,
                                                     const NicSpec& nic, const std::string& alias) {
  constexpr int tries = 16;
  std::vector<PortForward> in_force;
  for (const PortForward& wanted : nic.forwards) {
    std::string answer;
    for (int i = 0; i < tries; ++i) {
      // Between our look and QEMU's bind another program may take the port: then try another one.
      const int port = wanted.host_port != 0 ? wanted.host_port : free_port();
      const std::string command = "hostfwd_add host" + alias +
                                  " tcp:127.0.0.1:" + std::to_string(port) +
                                  "-:" + std::to_string(wanted.guest_port);
      char* raw = nullptr;
      if (virDomainQemuMonitorCommand(domain, command.c_str(), &raw,
                                      VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) != 0)
        throw libvirt_failure("cannot forward a port to VM", uuid);
      answer = Text(raw).get();
      if (answer.empty()) {
        in_force.push_back({port, wanted.guest_port});
        break;
      }
      if (wanted.host_port != 0) break;
    }
    if (answer.empty()) continue;
    while (!answer.empty() && (answer.back() == '\n' || answer.back() == '\r')) answer.pop_back();
    throw internal_error("cannot forward port " + std::to_string(wanted.host_port) +
                         " of 127.0.0.1 to NIC " + nic.device + " of VM " + uuid + ": " + answer);
  }
  return in_force;
}

void LibvirtDriver::write_mark(virDomainPtr domain, const std::string& uuid, const Mark& mark) {
  if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, mark_xml(mark).c_str(), mark_prefix,
                           mark_namespace, VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot mark VM", uuid);
}

void LibvirtDriver::plug_nic(std::string uuid, NicSpec nic) {
  check_nic(nic);
  const auto hold = locks_.hold(uuid);
  confirm(uuid);
  const Found found = require(uuid);
  if (find_nic(found.view.state, nic.device)) throw Failure("DEVICE_ALREADY_EXISTS", {nic.device});
  const std::string alias = unspent(uuid, nic_alias(nic.device));
  if (virDomainAttachDeviceFlags(found.handle.get(), nic_xml(nic, alias, host_view_).c_str(),
                                 VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot plug NIC " + nic.device + " into VM", uuid);
  if (nic.backing == NicBacking::user && !nic.forwards.empty()) {
    try {
      Mark mark = found.view.mark;
      mark.forwards[nic.device] = add_forwards(found.handle.get(), uuid, nic, alias);
      write_mark(found.handle.get(), uuid, mark);
    } catch (...) {
      virDomainDetachDeviceAlias(found.handle.get(), alias.c_str(), VIR_DOMAIN_AFFECT_LIVE);
      throw;
    }
  }
  events_.append(EventKind::changed, uuid);
}

void LibvirtDriver::unplug_nic(std::string uuid, std::string device) {
  const auto hold = locks_.hold(uuid);
  const auto found = find_ours(uuid);
  if (!found || !find_nic(found->view.state, device)) return;
  detach(*found, found->view.nic_aliases.at(device), "VIF", device);
  Mark mark = found->view.mark;
  if (mark.forwards.erase(device) != 0) write_mark(found->handle.get(), uuid, mark);
  events_.append(EventKind::changed, uuid);
}

// Asks the guest to let the device go and waits until it did.
void LibvirtDriver::detach(const Found& found, const std::string& alias, const char* type,
                           const std::string& device) {
  const std::string& uuid = found.view.state.uuid;
  Signals::Wait removed(signals_, uuid + "/" + alias);
  if (virDomainDetachDeviceAlias(found.handle.get(), alias.c_str(), VIR_DOMAIN_AFFECT_LIVE) != 0) {
    const std::string text = virGetLastErrorMessage();
    // Asked for before, and the guest has not answered yet: wait with the earlier call.
    if (text.find("in the process of unplug") == std::string::npos)
      throw libvirt_failure(std::string("cannot unplug ") + type + " " + device + " of VM", uuid);
  }
  const auto answer = removed.get(option_ms("unplug_ms", std::chrono::seconds(30)));
  if (!answer) throw Failure("DEVICE_DETACH_TIMEOUT", {type, device});
  if (*answer != "removed")
    throw Failure("DEVICE_DETACH_REJECTED", {type, device, "the guest did not let it go"});
}

// ---- disks ------------------------------------------------------------------------------------

void LibvirtDriver::plug_disk(std::string uuid, DiskSpec disk) {
  check_disk(disk);
  const auto hold = locks_.hold(uuid);
  confirm(uuid);
  const Found found = require(uuid);
  if (find_disk(found.view.state, disk.device))
    throw Failure("DEVICE_ALREADY_EXISTS", {disk.device});
  if (disk.cdrom)
    throw Failure(
        "OPERATION_NOT_ALLOWED",
        {"a CD drive can be added only while the VM is halted; an empty drive takes media "
         "at any time"});
  const std::string alias = unspent(uuid, disk_alias(disk.device));
  if (virDomainAttachDeviceFlags(found.handle.get(), disk_xml(disk, alias, host_view_).c_str(),
                                 VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot plug disk " + disk.device + " into VM", uuid);
  events_.append(EventKind::changed, uuid);
}

void LibvirtDriver::unplug_disk(std::string uuid, std::string device) {
  const auto hold = locks_.hold(uuid);
  const auto found = find_ours(uuid);
  if (!found) return;
  const DiskSpec* disk = find_disk(found->view.state, device);
  if (disk == nullptr) return;
  if (disk->cdrom)
    throw Failure("OPERATION_NOT_ALLOWED",
                  {"a CD drive can be taken away only while the VM is halted"});
  if (const auto stray = stray_alias(uuid, device))
    unplug_stray(*found, device, *stray);
  else
    detach(*found, found->view.disk_aliases.at(device), "VBD", device);
  events_.append(EventKind::changed, uuid);
}

void LibvirtDriver::change_medium(std::string uuid, std::string device, DiskSpec medium) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  const DiskSpec* drive = find_disk(found.view.state, device);
  if (drive == nullptr) throw Failure("DEVICE_NOT_ATTACHED", {device});
  if (!drive->cdrom) throw Failure("VBD_NOT_REMOVABLE_MEDIA", {device});
  medium.device = device;
  const std::string xml = medium_xml(medium, found.view.disk_targets.at(device), host_view_);
  // Forced: a guest that locked its tray cannot keep the medium.
  constexpr unsigned flags =
      unsigned{VIR_DOMAIN_AFFECT_LIVE} | unsigned{VIR_DOMAIN_DEVICE_MODIFY_FORCE};
  if (virDomainUpdateDeviceFlags(found.handle.get(), xml.c_str(), flags) != 0)
    throw libvirt_failure("cannot change the medium in drive " + device + " of VM", uuid);
  events_.append(EventKind::changed, uuid);
}

// Switches the named disks to prepared images at one moment; with `memory_file` the guest's memory
// of that moment is written there.
void LibvirtDriver::take_snapshot(const Found& found, const std::string& uuid,
                                  const std::map<std::string, DiskSpec>& new_images,
                                  const std::string& memory_file) {
  std::map<std::string, DiskSpec> by_target;
  for (const auto& [device, image] : new_images) {
    const DiskSpec* disk = find_disk(found.view.state, device);
    if (disk == nullptr) throw Failure("DEVICE_NOT_ATTACHED", {device});
    if (stray_alias(uuid, device)) require_no_strays(uuid);
    if (disk->path != image.path) by_target[found.view.disk_targets.at(device)] = image;
  }
  std::vector<std::string> others;
  for (const auto& [device, target] : found.view.disk_targets)
    if (!by_target.contains(target)) others.push_back(target);
  if (by_target.empty() && memory_file.empty()) return;

  const std::string xml = snapshot_xml(by_target, others, memory_file, host_view_);
  unsigned flags = VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT |
                   VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC;
  flags |=
      memory_file.empty() ? VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY : VIR_DOMAIN_SNAPSHOT_CREATE_LIVE;
  virDomainSnapshotPtr snapshot =
      virDomainSnapshotCreateXML(found.handle.get(), xml.c_str(), flags);
  if (snapshot == nullptr) throw libvirt_failure("cannot take a snapshot of VM", uuid);
  virDomainSnapshotFree(snapshot);
  events_.append(EventKind::changed, uuid);
}

void LibvirtDriver::switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) {
  const auto hold = locks_.hold(uuid);
  take_snapshot(require(uuid), uuid, new_images, "");
}

// ---- sizes ------------------------------------------------------------------------------------

void LibvirtDriver::set_vcpus(std::string uuid, std::int64_t vcpus) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  if (vcpus < 1 || vcpus > found.view.vcpus_max)
    throw Failure("INVALID_VALUE", {"vcpus", std::to_string(vcpus)});
  if (virDomainSetVcpusFlags(found.handle.get(), static_cast<unsigned>(vcpus),
                             VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot change the virtual CPUs of VM", uuid);
  events_.append(EventKind::changed, uuid);
}

void LibvirtDriver::set_memory_target(std::string uuid, std::int64_t bytes) {
  const auto hold = locks_.hold(uuid);
  const Found found = require(uuid);
  if (bytes <= 0 || bytes > found.view.memory_max_bytes)
    throw Failure("INVALID_VALUE", {"memory_target_bytes", std::to_string(bytes)});
  if (virDomainSetMemoryFlags(found.handle.get(), static_cast<unsigned long>(bytes >> 10),
                              VIR_DOMAIN_AFFECT_LIVE) != 0)
    throw libvirt_failure("cannot change the memory of VM", uuid);
}

}  // namespace xcp::hypervisor::libvirt
