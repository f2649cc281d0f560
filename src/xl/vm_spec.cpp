// SPDX-License-Identifier: GPL-2.0-or-later
// See vm_spec.hpp.
#include "xl/vm_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "xl/cfg/disk.hpp"
#include "xl/cfg/keys.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl {

namespace {

using hypervisor::DiskSpec;
using hypervisor::NicSpec;
using hypervisor::OnEvent;
using hypervisor::VmSpec;

constexpr std::size_t longest_host_device = 15;

// In Xen's own range of addresses.
std::string random_mac() {
  std::random_device random;
  return fmt::format("00:16:3e:{:02x}:{:02x}:{:02x}", random() & 0x7f, random() & 0xff,
                     random() & 0xff);
}

bool is_set(const Target& target, const char* key) {
  return std::find(target.keys_set.begin(), target.keys_set.end(), key) != target.keys_set.end();
}

// Keys whose meaning does not reach the guest. On Xen the whole configuration does.
void name_what_is_lost(const Target& target, cfg::Warnings& warnings) {
  std::vector<std::string> xen, waiting;
  for (const std::string& name : target.keys_set) {
    const cfg::Key* key = cfg::find_key(name);
    if (!key) continue;
    if (key->use == cfg::Use::xen && !target.xen) xen.push_back(name);
    if (key->use == cfg::Use::never || (key->use == cfg::Use::waiting && !target.xen))
      waiting.push_back(name);
  }
  if (!xen.empty())
    warnings.push_back(
        fmt::format("this host does not run Xen, where alone these settings mean "
                    "something: {}",
                    fmt::join(xen, ", ")));
  if (!waiting.empty())
    warnings.push_back(fmt::format("these settings are not carried to the guest yet: {}",
                                   fmt::join(waiting, ", ")));
}

// On Xen the configuration says it better.
OnEvent action(const std::string& name, const std::string& word, bool xen,
               cfg::Warnings& warnings) {
  if (word == "preserve") return OnEvent::preserve;
  if (word == "destroy") return OnEvent::destroy;
  if (word == "restart") return OnEvent::restart;
  const bool destroys = word == "coredump_destroy";
  if (!xen)
    warnings.push_back(fmt::format("{}={} is not carried to the guest yet; it is {}ed", name, word,
                                   destroys ? "destroy" : "restart"));
  return destroys ? OnEvent::destroy : OnEvent::restart;
}

void set_sizes(VmSpec& spec, const cfg::BuildInfo& info) {
  constexpr std::int64_t kibibyte = 1024;
  if (info.target_memkb.value_or(0) <= 0)
    throw refusal("the domain needs memory; expected memory = MiB");
  if (info.max_memkb.value_or(0) < *info.target_memkb)
    throw refusal(fmt::format("maxmem ({} MiB) is less than memory ({} MiB)",
                              info.max_memkb.value_or(0) / kibibyte,
                              *info.target_memkb / kibibyte));
  spec.memory_static_max_bytes = *info.max_memkb * kibibyte;
  spec.memory_target_bytes = *info.target_memkb * kibibyte;
  spec.vcpus_max = std::max<std::int64_t>(1, info.max_vcpus);
  spec.vcpus = std::max<std::int64_t>(1, std::ssize(info.avail_vcpus));
}

void set_placement(VmSpec& spec, const cfg::BuildInfo& info) {
  for (std::size_t i = 0; i < info.vcpu_hard_affinity.size(); ++i)
    if (!info.vcpu_hard_affinity[i].empty())
      spec.vcpus_params["mask" + std::to_string(i)] =
          fmt::format("{}", fmt::join(info.vcpu_hard_affinity[i], ","));
  if (info.sched_params.weight)
    spec.vcpus_params["weight"] = std::to_string(*info.sched_params.weight);
  if (info.sched_params.cap) spec.vcpus_params["cap"] = std::to_string(*info.sched_params.cap);
}

void set_boot(VmSpec& spec, const cfg::Domain& domain, const Target& target) {
  const cfg::BuildInfo& info = domain.b_info;
  const bool hvm = domain.c_info.type == "hvm";
  if (target.xen && !hvm)
    spec.type = domain.c_info.type == "pv" ? hypervisor::GuestType::pv : hypervisor::GuestType::pvh;
  if (hvm && info.hvm.bios == "ovmf") spec.firmware = hypervisor::Firmware::uefi;
  // A kernel that stands for a firmware (pvgrub) is Xen's; elsewhere the disk's own loader serves.
  if (info.kernel && (target.xen || is_set(target, "kernel")))
    spec.direct_kernel = hypervisor::DirectKernel{*info.kernel, info.ramdisk.value_or(""),
                                                  info.cmdline.value_or("")};
  if (!hvm) return;
  std::string order;
  for (const char letter : info.hvm.boot.value_or("cd"))
    if (letter == 'c' || letter == 'd' || letter == 'n') order += letter;
  if (!order.empty()) spec.boot_order = order;
}

void set_screen(VmSpec& spec, const cfg::Domain& domain) {
  const cfg::BuildInfo& info = domain.b_info;
  if (domain.c_info.type == "hvm") {
    spec.vnc = info.hvm.vnc.enable.value_or(true) && !info.hvm.nographic.value_or(false);
    if (info.hvm.vga) spec.platform["vga"] = *info.hvm.vga;
    if (info.hvm.vga == "none") spec.vnc = false;
  } else {
    spec.vnc = std::any_of(domain.vfbs.begin(), domain.vfbs.end(),
                           [](const cfg::Vfb& vfb) { return vfb.vnc.enable.value_or(true); });
  }
  if (info.video_memkb) spec.platform["videoram"] = std::to_string(*info.video_memkb / 1024);
}

void set_platform(VmSpec& spec, const cfg::BuildInfo& info) {
  spec.rtc_localtime = info.localtime.value_or(false);
  if (info.rtc_timeoffset != 0)
    spec.platform["timeoffset"] =
        std::to_string(static_cast<std::int32_t>(static_cast<std::uint32_t>(info.rtc_timeoffset)));
  if (info.hvm.viridian.value_or(false) || !info.hvm.viridian_enable.empty())
    spec.platform["viridian"] = "true";
  const auto& devices = info.hvm.usbdevice_list;
  if (info.hvm.usbdevice == "tablet" ||
      std::find(devices.begin(), devices.end(), "tablet") != devices.end())
    spec.platform["usb_tablet"] = "true";
}

void note(cfg::Warnings& warnings, const std::string& device,
          const std::vector<std::string>& lost) {
  if (!lost.empty())
    warnings.push_back(
        fmt::format("{}: not carried to the guest yet: {}", device, fmt::join(lost, ", ")));
}

}  // namespace

bool is_beyond_spec(const cfg::Disk& disk) {
  const bool driver_domain =
      disk.backend_domname && *disk.backend_domname != "0" && *disk.backend_domname != "Domain-0";
  return disk.script || driver_domain ||
         (disk.format != "raw" && disk.format != "qcow2" && disk.format != "empty");
}

hypervisor::DiskSpec disk_spec(const cfg::Disk& disk, bool whole, cfg::Warnings& warnings) {
  const auto refuse = [&](const std::string& problem) {
    return refusal(fmt::format("disk {}: {}", disk.vdev, problem));
  };
  const auto position = cfg::position_of(disk.vdev);
  if (!position) throw refuse("expected a vdev as xvda, hda, sda or 0, and no partition");
  if (disk.script) throw refuse("block scripts are not carried to the hypervisor daemon yet");
  if (disk.backend_domname && *disk.backend_domname != "0" && *disk.backend_domname != "Domain-0")
    throw refuse("driver domains are not carried to the hypervisor daemon yet");
  DiskSpec spec;
  spec.device = std::to_string(*position);
  spec.cdrom = disk.is_cdrom;
  spec.read_only = !disk.readwrite;
  if (disk.format != "empty") {
    spec.path = disk.pdev_path.value_or("");
    if (disk.format != "raw" && disk.format != "qcow2")
      throw refuse(fmt::format("the format {} cannot be used; convert it to qcow2 with qemu-img",
                               disk.format));
  }
  if (disk.format == "qcow2") spec.format = hypervisor::DiskFormat::qcow2;
  if (!spec.path.empty() && spec.path[0] != '/') spec.path = "/dev/" + spec.path;
  if (spec.path.empty() && !spec.cdrom) throw refuse("a disk needs a target");
  std::vector<std::string> lost;
  if (disk.backend) lost.push_back("backendtype=" + *disk.backend);
  if (disk.direct_io_safe) lost.push_back("direct-io-safe");
  if (disk.discard_enable) lost.push_back(*disk.discard_enable ? "discard" : "no-discard");
  if (disk.specification) lost.push_back("specification=" + *disk.specification);
  if (disk.trusted) lost.push_back(*disk.trusted ? "trusted" : "untrusted");
  if (disk.grant_usage) lost.push_back("grant_usage");
  if (disk.colo_enable || disk.colo_host) lost.push_back("colo");
  if (!whole) note(warnings, "disk " + disk.vdev, lost);
  return spec;
}

hypervisor::NicSpec nic_spec(const cfg::Nic& nic, std::int64_t devid, const std::string& bridge,
                             bool whole, cfg::Warnings& warnings) {
  const std::string what = fmt::format("vif {}", devid);
  if (!whole && nic.backend_domname && *nic.backend_domname != "0" &&
      *nic.backend_domname != "Domain-0")
    throw refusal(what + ": driver domains are not carried to the hypervisor daemon yet");
  NicSpec spec;
  spec.device = std::to_string(devid);
  spec.mac = nic.mac.value_or(random_mac());
  if (nic.mtu) spec.mtu = static_cast<int>(std::clamp<std::int64_t>(*nic.mtu, 0, 65535));
  spec.backing = hypervisor::NicBacking::bridge;
  spec.bridge = nic.bridge.value_or(bridge);
  if (nic.ifname) {
    if (nic.ifname->size() > longest_host_device)
      throw refusal(
          fmt::format("{}: the name of a network device has at most {} characters, not "
                      "`{}'",
                      what, longest_host_device, *nic.ifname));
    spec.host_device = *nic.ifname;
  }
  std::vector<std::string> lost;
  if (nic.nictype == "vif") lost.push_back("type=vif");
  if (nic.model) lost.push_back("model");
  if (nic.ip) lost.push_back("ip");
  if (nic.script) lost.push_back("script");
  if (nic.gatewaydev) lost.push_back("gatewaydev");
  if (nic.rate_interval_usecs != 0) lost.push_back("rate");
  if (nic.trusted) lost.push_back(*nic.trusted ? "trusted" : "untrusted");
  if (nic.vlan) lost.push_back("vlan");
  if (nic.coloft_forwarddev || !nic.colo.empty()) lost.push_back("colo");
  if (!whole) note(warnings, what, lost);
  return spec;
}

hypervisor::VmSpec vm_spec(const cfg::Domain& domain, const Target& target,
                           cfg::Warnings& warnings) {
  name_what_is_lost(target, warnings);
  VmSpec spec;
  spec.uuid = domain.c_info.uuid;
  spec.name = domain.c_info.name;
  set_sizes(spec, domain.b_info);
  set_placement(spec, domain.b_info);
  set_boot(spec, domain, target);
  set_screen(spec, domain);
  set_platform(spec, domain.b_info);
  spec.on_reboot = action("on_reboot", domain.on_reboot, target.xen, warnings);
  spec.on_crash = action("on_crash", domain.on_crash, target.xen, warnings);
  for (const cfg::Disk& disk : domain.disks) {
    if (target.xen && is_beyond_spec(disk)) continue;
    DiskSpec device = disk_spec(disk, target.xen, warnings);
    for (const DiskSpec& other : spec.disks)
      if (other.device == device.device)
        throw refusal(fmt::format("two disks at the position {} (the second is {})", device.device,
                                  disk.vdev));
    spec.disks.push_back(std::move(device));
  }
  for (DiskSpec& disk : spec.disks)
    if (!disk.cdrom) {
      disk.bootable = true;
      break;
    }
  for (const cfg::Nic& nic : domain.nics)
    spec.nics.push_back(nic_spec(nic, nic.devid.value_or(0), target.bridge, target.xen, warnings));
  return spec;
}

}  // namespace xcp::xl
