// SPDX-License-Identifier: GPL-2.0-or-later
// Whole domains; see domain_xml.hpp.
#include "hypervisor/libvirt/domain_xml.hpp"

#include <algorithm>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/libvirt/xml_parts.hpp"
#include "hypervisor/placement.hpp"
#include "hypervisor/platform.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

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

// Weight and cap need control groups of libvirt's making, which the embedded one has not.
void put_pins(xml_node domain, const Placement& placement) {
  xml_node tuning;
  for (std::size_t i = 0; i < placement.affinity.size(); ++i) {
    if (placement.affinity[i].empty()) continue;
    if (!tuning) tuning = child(domain, "cputune");
    xml_node pin = child(tuning, "vcpupin");
    set(pin, "vcpu", static_cast<std::int64_t>(i));
    std::string cpus;
    for (const int cpu : placement.affinity[i])
      cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
    set(pin, "cpuset", cpus);
  }
}

void put_cpu(xml_node domain, const VmSpec& spec, const HostView& host) {
  xml_node vcpu = child(domain, "vcpu", std::to_string(spec.vcpus_max));
  set(vcpu, "placement", "static");
  set(vcpu, "current", spec.vcpus);
  put_pins(domain, read_placement(spec.vcpus_params, spec.vcpus_max));
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
  put_slot(video, video_slot);
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

  xml_node serial_bus = child(devices, "controller");
  set(serial_bus, "type", "virtio-serial");
  set(serial_bus, "index", 0);
  put_slot(serial_bus, serial_bus_slot);

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
  put_slot(balloon, balloon_slot);
  xml_node random = child(devices, "rng");
  set(random, "model", "virtio");
  set(child(random, "backend", "/dev/urandom"), "model", "random");
  put_slot(random, random_slot);
  set(child(devices, "panic"), "model", "isa");
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
  put_mark(document, mark, false);
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
  put_mark(child(domain, "metadata"), mark, true);
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
      put_disk(devices, disk, disk_alias(disk.device), host, position);
  }
  for (const NicSpec& nic : spec.nics)
    put_nic(devices, nic, nic_alias(nic.device), host, position_in(boot.nics, nic.device));
  put_fixed_devices(devices, spec, host);
  return text_of(document);
}

}  // namespace xcp::hypervisor::libvirt
