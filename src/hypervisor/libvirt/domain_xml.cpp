// SPDX-License-Identifier: GPL-2.0-or-later
// See domain_xml.hpp. Every element is written in one place, so that a plugged device equals the
// same device at start.
#include "hypervisor/libvirt/domain_xml.hpp"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <set>
#include <sstream>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

using pugi::xml_document;
using pugi::xml_node;

std::string text_of(const xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ", pugi::format_indent | pugi::format_no_declaration);
  return out.str();
}

xml_node child(xml_node parent, const char* name) {
  return parent.append_child(name);
}

xml_node child(xml_node parent, const char* name, const std::string& text) {
  xml_node node = parent.append_child(name);
  node.text().set(text.c_str());
  return node;
}

void set(xml_node node, const char* name, const std::string& value) {
  xml_node(node).append_attribute(name).set_value(value.c_str());
}
void set(xml_node node, const char* name, std::int64_t value) {
  set(node, name, std::to_string(value));
}

// libvirt refuses control characters in names; a title is for people only.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

int number_of(const std::string& device, const char* what) {
  int number = -1;
  const char* end = device.data() + device.size();
  const auto [at, error] = std::from_chars(device.data(), end, number);
  if (error != std::errc() || at != end || number < 0 || number > 255)
    throw internal_error(std::string(what) + " has no device number between 0 and 255: \"" +
                         device + "\"");
  return number;
}

std::string letters(int number) {
  std::string out(1, static_cast<char>('a' + number % 26));
  for (number = number / 26; number > 0; number = (number - 1) / 26)
    out.insert(out.begin(), static_cast<char>('a' + (number - 1) % 26));
  return out;
}

bool is_true(const std::map<std::string, std::string>& map, const char* key) {
  const auto found = map.find(key);
  return found != map.end() && (found->second == "true" || found->second == "1");
}

std::int64_t integer_or(const std::map<std::string, std::string>& map, const char* key,
                        std::int64_t otherwise) {
  const auto found = map.find(key);
  if (found == map.end()) return otherwise;
  std::int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [at, error] = std::from_chars(found->second.data(), end, number);
  return error == std::errc() && at == end && !found->second.empty() ? number : otherwise;
}

void put_slot(xml_node device, int slot) {
  xml_node address = child(device, "address");
  set(address, "type", "pci");
  set(address, "domain", 0);
  set(address, "bus", 0);
  set(address, "slot", slot);
  set(address, "function", 0);
}

const char* format_name(DiskFormat format) {
  switch (format) {
    case DiskFormat::raw:
      return "raw";
    case DiskFormat::qcow2:
      return "qcow2";
  }
  return "raw";
}

const char* action_name(OnEvent action) {
  switch (action) {
    case OnEvent::destroy:
      return "destroy";
    case OnEvent::restart:
      return "restart";
    case OnEvent::preserve:
      return "preserve";
  }
  return "destroy";
}

// ---- disks ------------------------------------------------------------------------------------

// The keys of VBD.qos_algorithm_params that have a meaning here, all upper limits for each second.
constexpr const char* limit_keys[] = {"total_bytes_sec", "read_bytes_sec", "write_bytes_sec",
                                      "total_iops_sec",  "read_iops_sec",  "write_iops_sec"};

void put_source(xml_node node, const DiskSpec& disk, const HostView& host) {
  const bool block = !disk.path.empty() && host.is_block_device(disk.path);
  set(node, "type", block ? "block" : "file");
  if (disk.path.empty()) return;
  set(child(node, "source"), block ? "dev" : "file", disk.path);
}

void put_limits(xml_node node, const DiskSpec& disk) {
  xml_node limits;
  for (const char* key : limit_keys) {
    const std::int64_t value = integer_or(disk.qos, key, 0);
    if (value <= 0) continue;
    if (!limits) limits = child(node, "iotune");
    child(limits, key, std::to_string(value));
  }
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

void put_disk(xml_node parent, const DiskSpec& disk, const HostView& host, int boot_position) {
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
  set(child(node, "alias"), "name", disk_alias(disk.device));
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

// Each NIC gets a network of its own, so that a guest with two of them has two addresses:
// 10.0.2.15 on NIC 0, 10.0.3.15 on NIC 1, and so on.
void put_user_net(xml_node node, const NicSpec& nic) {
  const int number = number_of(nic.device, "a NIC");
  xml_node ip = child(node, "ip");
  set(ip, "family", "ipv4");
  set(ip, "address", "10.0." + std::to_string(2 + number % 250) + ".0");
  set(ip, "prefix", 24);
}

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

void put_nic(xml_node parent, const NicSpec& nic, const HostView& host, int boot_position) {
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
  set(child(node, "alias"), "name", nic_alias(nic.device));
  if (number < nic_slots) put_slot(node, first_nic_slot + number);
}

// ---- the domain -------------------------------------------------------------------------------

struct BootPositions {
  std::map<std::string, int> disks;
  std::map<std::string, int> nics;
};

bool by_number(const std::string& a, const std::string& b) {
  return number_of(a, "a device") < number_of(b, "a device");
}

// Bootable disks come before the others, then the device number counts.
BootPositions boot_positions(const VmSpec& spec) {
  std::vector<const DiskSpec*> disks;
  for (const DiskSpec& disk : spec.disks) disks.push_back(&disk);
  std::stable_sort(disks.begin(), disks.end(), [](const DiskSpec* a, const DiskSpec* b) {
    if (a->bootable != b->bootable) return a->bootable;
    return by_number(a->device, b->device);
  });
  std::vector<std::string> nics;
  for (const NicSpec& nic : spec.nics) nics.push_back(nic.device);
  std::sort(nics.begin(), nics.end(), by_number);

  BootPositions positions;
  int next = 1;
  for (const char letter : spec.boot_order) {
    if (letter == 'n') {
      for (const std::string& nic : nics)
        if (positions.nics.emplace(nic, next).second) ++next;
      continue;
    }
    for (const DiskSpec* disk : disks)
      if ((letter == 'd' && disk->cdrom) || (letter == 'c' && !disk->cdrom))
        if (positions.disks.emplace(disk->device, next).second) ++next;
  }
  return positions;
}

int position_in(const std::map<std::string, int>& positions, const std::string& device) {
  const auto found = positions.find(device);
  return found == positions.end() ? 0 : found->second;
}

void put_os(xml_node domain, const VmSpec& spec, const HostView& host) {
  xml_node os = child(domain, "os");
  xml_node type = child(os, "type", "hvm");
  set(type, "arch", "x86_64");
  set(type, "machine", "pc");
  if (spec.firmware == Firmware::uefi) {
    if (host.uefi_code.empty())
      throw internal_error("no UEFI firmware for guests on this host; install the package ovmf");
    xml_node loader = child(os, "loader", host.uefi_code);
    set(loader, "readonly", "yes");
    set(loader, "type", "pflash");
    child(os, "nvram", spec.nvram_path);
  }
  if (!spec.direct_kernel) return;
  child(os, "kernel", spec.direct_kernel->kernel);
  if (!spec.direct_kernel->ramdisk.empty()) child(os, "initrd", spec.direct_kernel->ramdisk);
  if (!spec.direct_kernel->command_line.empty())
    child(os, "cmdline", spec.direct_kernel->command_line);
}

void put_features(xml_node domain, const VmSpec& spec, const HostView& host) {
  xml_node features = child(domain, "features");
  child(features, "acpi");
  child(features, "apic");
  child(features, "pae");
  // Windows' enlightenments need hardware help.
  if (!host.accelerated || !is_true(spec.platform, "viridian")) return;
  xml_node hyperv = child(features, "hyperv");
  set(hyperv, "mode", "custom");
  for (const char* name : {"relaxed", "vapic"}) set(child(hyperv, name), "state", "on");
  xml_node spinlocks = child(hyperv, "spinlocks");
  set(spinlocks, "state", "on");
  set(spinlocks, "retries", 8191);
}

// The second x86-64 level, which current distributions ask for, on a model of AMD's: Linux isolates
// page tables on Intel's, which emulation pays for dearly. Nested virtualization is of no use.
void put_emulated_model(xml_node cpu) {
  set(cpu, "match", "exact");
  set(cpu, "check", "none");
  set(child(cpu, "model", "qemu64"), "fallback", "forbid");
  for (const char* name : {"ssse3", "sse4.1", "sse4.2", "popcnt"}) {
    xml_node feature = child(cpu, "feature");
    set(feature, "policy", "require");
    set(feature, "name", name);
  }
  xml_node svm = child(cpu, "feature");
  set(svm, "policy", "disable");
  set(svm, "name", "svm");
}

void put_cpu(xml_node domain, const VmSpec& spec, const HostView& host) {
  xml_node vcpu = child(domain, "vcpu", std::to_string(spec.vcpus_max));
  set(vcpu, "placement", "static");
  set(vcpu, "current", spec.vcpus);
  xml_node cpu = child(domain, "cpu");
  set(cpu, "mode", host.accelerated ? "host-model" : "custom");
  if (!host.accelerated) put_emulated_model(cpu);
  const std::int64_t cores = integer_or(spec.platform, "cores-per-socket", 1);
  if (cores <= 1 || spec.vcpus_max % cores != 0) return;
  const xml_node model = cpu.child("model");
  xml_node topology = model ? cpu.insert_child_after("topology", model) : child(cpu, "topology");
  set(topology, "sockets", spec.vcpus_max / cores);
  set(topology, "cores", cores);
  set(topology, "threads", 1);
}

void put_clock(xml_node domain, const VmSpec& spec) {
  xml_node clock = child(domain, "clock");
  const std::int64_t offset = integer_or(spec.platform, "timeoffset", 0);
  if (offset != 0) {
    set(clock, "offset", "variable");
    set(clock, "adjustment", offset);
    set(clock, "basis", spec.rtc_localtime ? "localtime" : "utc");
    return;
  }
  set(clock, "offset", spec.rtc_localtime ? "localtime" : "utc");
}

void put_video(xml_node devices, const VmSpec& spec) {
  xml_node video = child(devices, "video");
  xml_node model = child(video, "model");
  if (!spec.vnc) {
    set(model, "type", "none");
    return;
  }
  const auto wanted = spec.platform.find("vga");
  const bool cirrus = wanted != spec.platform.end() && wanted->second == "cirrus";
  set(model, "type", cirrus ? "cirrus" : "vga");
  const std::int64_t mebibytes = integer_or(spec.platform, "videoram", 16);
  set(model, "vram", std::clamp<std::int64_t>(mebibytes, 4, 256) * 1024);
  put_slot(video, 2);
}

void put_socket(xml_node parent, const char* kind, const std::string& path) {
  xml_node node = child(parent, kind);
  set(node, "type", "unix");
  xml_node source = child(node, "source");
  set(source, "mode", "bind");
  set(source, "path", path);
}

void put_fixed_devices(xml_node devices, const VmSpec& spec, const HostView& host) {
  xml_node usb = child(devices, "controller");
  set(usb, "type", "usb");
  const bool tablet = spec.vnc && is_true(spec.platform, "usb_tablet");
  set(usb, "model", tablet ? "piix3-uhci" : "none");

  put_socket(devices, "serial", serial_socket(host, spec.uuid));
  put_socket(devices, "channel", agent_socket(host, spec.uuid));
  xml_node target = child(devices.last_child(), "target");
  set(target, "type", "virtio");
  set(target, "name", agent_channel);

  if (tablet) {
    xml_node input = child(devices, "input");
    set(input, "type", "tablet");
    set(input, "bus", "usb");
  }
  if (spec.vnc) {
    xml_node graphics = child(devices, "graphics");
    set(graphics, "type", "vnc");
    set(child(graphics, "listen"), "type", "socket");
  }
  put_video(devices, spec);

  xml_node balloon = child(devices, "memballoon");
  set(balloon, "model", "virtio");
  set(child(balloon, "stats"), "period", 10);
  xml_node random = child(devices, "rng");
  set(random, "model", "virtio");
  set(child(random, "backend", "/dev/urandom"), "model", "random");
  set(child(devices, "panic"), "model", "isa");
}

const std::string namespaced = std::string(mark_prefix) + ":";

void put_mark(xml_node parent, const Mark& mark, const std::string& prefix) {
  xml_node node = child(parent, (prefix + "domain").c_str());
  if (!prefix.empty()) set(node, (std::string("xmlns:") + mark_prefix).c_str(), mark_namespace);
  set(node, "start_time", mark.start_time);
  set(node, "on_reboot", action_name(mark.on_reboot));
  for (const auto& [device, forwards] : mark.forwards)
    for (const PortForward& forward : forwards) {
      xml_node entry = child(node, (prefix + "forward").c_str());
      set(entry, "nic", device);
      set(entry, "host_port", forward.host_port);
      set(entry, "guest_port", forward.guest_port);
    }
}

xml_node find_by_alias(xml_node devices, const char* kind, const std::string& alias) {
  return devices.find_child([&](const xml_node& node) {
    return std::string_view(node.name()) == kind &&
           alias == node.child("alias").attribute("name").value();
  });
}

// A guest must find all hardware it had, so the spec has to say what is behind each device.
template <class Spec>
void require_named(xml_node devices, const char* kind, std::string_view prefix,
                   const std::vector<Spec>& specs) {
  for (xml_node node : devices.children(kind)) {
    const std::string alias = node.child("alias").attribute("name").value();
    const auto device = device_of_alias(alias, prefix);
    const bool named = device && std::any_of(specs.begin(), specs.end(), [&](const Spec& spec) {
                         return spec.device == *device;
                       });
    if (!named)
      throw internal_error(std::string("the saved image has a ") + kind +
                           " that the VM has no longer: " + alias);
  }
}

void replace_attribute(xml_node node, const char* name, const std::string& value) {
  if (!node.attribute(name)) node.append_attribute(name);
  node.attribute(name).set_value(value.c_str());
}

void replace_disk_source(xml_node node, const DiskSpec& disk, const HostView& host) {
  node.remove_child("source");
  node.remove_child("backingStore");
  node.remove_attribute("type");
  put_source(node, disk, host);
  replace_attribute(node.child("driver"), "type", format_name(disk.format));
}

void replace_backing(xml_node node, const NicSpec& nic, const HostView& host) {
  for (const char* name : {"source", "virtualport", "target", "link", "ip"})
    node.remove_child(name);
  node.remove_attribute("type");
  put_backing(node, nic, host);
}

}  // namespace

std::string serial_socket(const HostView& host, const std::string& uuid) {
  return host.socket_directory + "/" + uuid + ".serial";
}

std::string agent_socket(const HostView& host, const std::string& uuid) {
  return host.socket_directory + "/" + uuid + ".agent";
}

std::string mark_xml(const Mark& mark) {
  xml_document document;
  put_mark(document, mark, "");
  return text_of(document);
}

std::string domain_xml(const VmSpec& spec, const Mark& mark, const HostView& host) {
  xml_document document;
  xml_node domain = child(document, "domain");
  set(domain, "type", host.accelerated ? "kvm" : "qemu");
  // Names must be unique for libvirt; ours are not, so the uuid is the name and the name the title.
  child(domain, "name", spec.uuid);
  child(domain, "uuid", spec.uuid);
  if (!spec.name.empty()) child(domain, "title", printable(spec.name));
  put_mark(child(domain, "metadata"), mark, namespaced);
  const std::int64_t target =
      spec.memory_target_bytes > 0 ? spec.memory_target_bytes : spec.memory_static_max_bytes;
  set(child(domain, "memory", std::to_string(spec.memory_static_max_bytes)), "unit", "b");
  set(child(domain, "currentMemory", std::to_string(target)), "unit", "b");
  put_cpu(domain, spec, host);
  put_os(domain, spec, host);
  put_features(domain, spec, host);
  put_clock(domain, spec);
  child(domain, "on_poweroff", "destroy");
  child(domain, "on_reboot", action_name(spec.on_reboot));
  child(domain, "on_crash", action_name(spec.on_crash));

  xml_node pm = child(domain, "pm");
  set(child(pm, "suspend-to-mem"), "enabled", "no");
  set(child(pm, "suspend-to-disk"), "enabled", "no");

  const BootPositions boot = boot_positions(spec);
  xml_node devices = child(domain, "devices");
  if (!host.emulator.empty()) child(devices, "emulator", host.emulator);
  const auto targets = cdrom_targets(spec.disks);
  for (const DiskSpec& disk : spec.disks) {
    const int position = position_in(boot.disks, disk.device);
    if (disk.cdrom)
      put_cdrom(devices, disk, targets.at(disk.device), host, position);
    else
      put_disk(devices, disk, host, position);
  }
  for (const NicSpec& nic : spec.nics)
    put_nic(devices, nic, host, position_in(boot.nics, nic.device));
  put_fixed_devices(devices, spec, host);
  return text_of(document);
}

std::string disk_xml(const DiskSpec& disk, const HostView& host) {
  xml_document document;
  if (disk.cdrom)
    put_cdrom(document, disk, cdrom_targets({disk}).at(disk.device), host, 0);
  else
    put_disk(document, disk, host, 0);
  return text_of(document);
}

std::string nic_xml(const NicSpec& nic, const HostView& host) {
  xml_document document;
  put_nic(document, nic, host, 0);
  return text_of(document);
}

std::string medium_xml(const DiskSpec& medium, const std::string& target, const HostView& host) {
  xml_document document;
  put_cdrom(document, medium, target, host, 0);
  return text_of(document);
}

std::string restored_xml(const std::string& saved, const VmSpec& spec, const Mark& mark,
                         const HostView& host) {
  xml_document document;
  if (!document.load_string(saved.c_str())) throw internal_error("the saved image holds no XML");
  xml_node domain = document.child("domain");
  if (spec.uuid != domain.child("uuid").text().get())
    throw internal_error("the saved image is of VM " +
                         std::string(domain.child("uuid").text().get()) + ", not of " + spec.uuid);
  domain.remove_child("metadata");
  put_mark(domain.insert_child_after("metadata", domain.child("uuid")), mark, namespaced);
  domain.remove_child("title");
  if (!spec.name.empty()) {
    xml_node title = domain.insert_child_after("title", domain.child("uuid"));
    title.text().set(printable(spec.name).c_str());
  }
  domain.child("on_reboot").text().set(action_name(spec.on_reboot));
  domain.child("on_crash").text().set(action_name(spec.on_crash));
  if (spec.firmware == Firmware::uefi && !spec.nvram_path.empty())
    domain.child("os").child("nvram").text().set(spec.nvram_path.c_str());

  xml_node devices = domain.child("devices");
  for (const DiskSpec& disk : spec.disks) {
    xml_node node = find_by_alias(devices, "disk", disk_alias(disk.device));
    if (!node) throw internal_error("the saved image has no disk " + disk.device);
    replace_disk_source(node, disk, host);
  }
  for (const NicSpec& nic : spec.nics) {
    xml_node node = find_by_alias(devices, "interface", nic_alias(nic.device));
    if (!node) throw internal_error("the saved image has no NIC " + nic.device);
    replace_backing(node, nic, host);
  }
  require_named(devices, "disk", disk_alias_prefix, spec.disks);
  require_named(devices, "interface", nic_alias_prefix, spec.nics);
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
