// SPDX-License-Identifier: GPL-2.0-or-later
// Disks, CD drives and NICs in libvirt's XML; see domain_xml.hpp. A plugged device equals the same
// device at start.
#include <set>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/libvirt/xml_parts.hpp"
#include "hypervisor/platform.hpp"

namespace xcp::hypervisor::libvirt {

// ---- disks ------------------------------------------------------------------------------------

namespace {

// The keys of VBD.qos_algorithm_params that have a meaning here, all upper limits for each second.
constexpr const char* limit_keys[] = {"total_bytes_sec", "read_bytes_sec", "write_bytes_sec",
                                      "total_iops_sec",  "read_iops_sec",  "write_iops_sec"};

void put_limits(xml_node node, const DiskSpec& disk) {
  xml_node limits;
  for (const char* key : limit_keys) {
    const std::int64_t value = integer_or(disk.qos, key, 0);
    if (value <= 0) continue;
    if (!limits) limits = child(node, "iotune");
    child(limits, key, std::to_string(value));
  }
}

}  // namespace

void put_source(xml_node node, const DiskSpec& disk, const HostView& host) {
  const bool block = !disk.path.empty() && host.is_block_device(disk.path);
  set(node, "type", block ? "block" : "file");
  if (disk.path.empty()) return;
  set(child(node, "source"), block ? "dev" : "file", disk.path);
}

void put_cdrom(xml_node parent, const DiskSpec& disk, const std::string& target,
               const HostView& host, int boot_position) {
  xml_node node = child(parent, "disk");
  set(node, "device", "cdrom");
  xml_node driver = child(node, "driver");
  set(driver, "name", "qemu");
  set(driver, "type", format_name(disk.format));
  put_source(node, disk, host);
  xml_node where = child(node, "target");
  set(where, "dev", target);
  set(where, "bus", "ide");
  child(node, "readonly");
  if (boot_position > 0) set(child(node, "boot"), "order", boot_position);
  set(child(node, "alias"), "name", disk_alias(disk.device));
}

void put_disk(xml_node parent, const DiskSpec& disk, const std::string& alias, const HostView& host,
              int boot_position) {
  const int number = number_of(disk.device, "a disk");
  if (disk.path.empty()) throw internal_error("disk " + disk.device + " has no image");
  xml_node node = child(parent, "disk");
  set(node, "device", "disk");
  xml_node driver = child(node, "driver");
  set(driver, "name", "qemu");
  set(driver, "type", format_name(disk.format));
  set(driver, "discard", "unmap");
  put_source(node, disk, host);
  xml_node where = child(node, "target");
  set(where, "dev", "vd" + letters(number));
  set(where, "bus", "virtio");
  put_limits(node, disk);
  if (disk.read_only) child(node, "readonly");
  if (!disk.serial.empty()) child(node, "serial", disk.serial);
  if (boot_position > 0) set(child(node, "boot"), "order", boot_position);
  set(child(node, "alias"), "name", alias);
  if (number < disk_slots) put_slot(node, first_disk_slot + number);
}

// The IDE bus has four places. A drive keeps the place of its number where it can.
std::map<std::string, std::string> cdrom_targets(const std::vector<DiskSpec>& disks) {
  std::map<std::string, std::string> targets;
  std::set<std::string> taken;
  for (const DiskSpec& disk : disks) {
    if (!disk.cdrom || number_of(disk.device, "a CD drive") > 3) continue;
    targets[disk.device] = "hd" + letters(number_of(disk.device, "a CD drive"));
    taken.insert(targets[disk.device]);
  }
  for (const DiskSpec& disk : disks) {
    if (!disk.cdrom || targets.contains(disk.device)) continue;
    for (const char* place : {"hda", "hdb", "hdc", "hdd"}) {
      if (!taken.insert(place).second) continue;
      targets[disk.device] = place;
      break;
    }
    if (!targets.contains(disk.device))
      throw internal_error("CD drive " + disk.device + ": a guest can have four CD drives");
  }
  return targets;
}

// ---- NICs -------------------------------------------------------------------------------------

namespace {

// Each NIC gets a network of its own, so that a guest with two of them has two addresses:
// 10.0.2.15 on NIC 0, 10.0.3.15 on NIC 1, and so on.
void put_user_net(xml_node node, const NicSpec& nic) {
  const int number = number_of(nic.device, "a NIC");
  xml_node ip = child(node, "ip");
  set(ip, "family", "ipv4");
  set(ip, "address", "10.0." + std::to_string(2 + number % 250) + ".0");
  set(ip, "prefix", 24);
}

}  // namespace

void put_backing(xml_node node, const NicSpec& nic, const HostView& host) {
  switch (nic.backing) {
    case NicBacking::bridge:
      if (nic.bridge.empty()) throw internal_error("NIC " + nic.device + " names no bridge");
      set(node, "type", "bridge");
      set(child(node, "source"), "bridge", nic.bridge);
      if (host.is_openvswitch(nic.bridge)) set(child(node, "virtualport"), "type", "openvswitch");
      if (!nic.host_device.empty()) set(child(node, "target"), "dev", nic.host_device);
      return;
    case NicBacking::user:
      set(node, "type", "user");
      put_user_net(node, nic);
      return;
    case NicBacking::none:
      // A private network stack that no frame reaches: exists on every host, touches nothing.
      set(node, "type", "user");
      set(child(node, "link"), "state", "down");
      return;
  }
}

void put_nic(xml_node parent, const NicSpec& nic, const std::string& alias, const HostView& host,
             int boot_position) {
  const int number = number_of(nic.device, "a NIC");
  xml_node node = child(parent, "interface");
  put_backing(node, nic, host);
  set(child(node, "mac"), "address", nic.mac);
  set(child(node, "model"), "type", "virtio");
  if (nic.mtu > 0 && nic.mtu != 1500) set(child(node, "mtu"), "size", nic.mtu);
  if (boot_position > 0)
    set(child(node, "boot"), "order", boot_position);
  else
    set(child(node, "rom"), "enabled", "no");
  set(child(node, "alias"), "name", alias);
  if (number < nic_slots) put_slot(node, first_nic_slot + number);
}

// ---- devices alone ----------------------------------------------------------------------------

std::string disk_xml(const DiskSpec& disk, const std::string& alias, const HostView& host) {
  xml_document document;
  put_disk(document, disk, alias, host, 0);
  return text_of(document);
}

std::string nic_xml(const NicSpec& nic, const std::string& alias, const HostView& host) {
  xml_document document;
  put_nic(document, nic, alias, host, 0);
  return text_of(document);
}

std::string medium_xml(const DiskSpec& medium, const std::string& target, const HostView& host) {
  xml_document document;
  put_cdrom(document, medium, target, host, 0);
  return text_of(document);
}

std::string snapshot_xml(const std::map<std::string, DiskSpec>& images_by_target,
                         const std::vector<std::string>& other_targets,
                         const std::string& memory_file, const HostView& host) {
  xml_document document;
  xml_node snapshot = child(document, "domainsnapshot");
  xml_node memory = child(snapshot, "memory");
  set(memory, "snapshot", memory_file.empty() ? "no" : "external");
  if (!memory_file.empty()) set(memory, "file", memory_file);
  xml_node disks = child(snapshot, "disks");
  for (const auto& [target, image] : images_by_target) {
    xml_node disk = child(disks, "disk");
    set(disk, "name", target);
    set(disk, "snapshot", "external");
    put_source(disk, image, host);
    set(child(disk, "driver"), "type", format_name(image.format));
  }
  for (const std::string& target : other_targets) {
    xml_node disk = child(disks, "disk");
    set(disk, "name", target);
    set(disk, "snapshot", "no");
  }
  return text_of(document);
}

}  // namespace xcp::hypervisor::libvirt
