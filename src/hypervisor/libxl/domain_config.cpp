// SPDX-License-Identifier: GPL-2.0-or-later
// See domain_config.hpp. Everything that libxl is to own is copied with its own allocator.
#include "hypervisor/libxl/domain_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/fd.hpp"
#include "hypervisor/placement.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr const char* grub_for_pvh = "/usr/lib/grub-xen/grub-i386-xen_pvh.bin";
constexpr const char* grub_for_pv = "/usr/lib/grub-xen/grub-x86_64-xen.bin";
constexpr int drives_of_a_pc = 4;

char* copy(const std::string& text) {
  return text.empty() ? nullptr : strdup(text.c_str());
}

template <class T>
T* make_array(std::size_t count) {
  return count == 0 ? nullptr : static_cast<T*>(calloc(count, sizeof(T)));
}

libxl_domain_type libxl_type(GuestType type) {
  switch (type) {
    case GuestType::pv:
      return LIBXL_DOMAIN_TYPE_PV;
    case GuestType::pvh:
      return LIBXL_DOMAIN_TYPE_PVH;
    case GuestType::hvm:
      return LIBXL_DOMAIN_TYPE_HVM;
  }
  return LIBXL_DOMAIN_TYPE_HVM;
}

// A boot loader that reads the guest's own disk inside the guest: nothing of it is parsed out here.
std::string loader_inside(GuestType type) {
  const char* path = type == GuestType::pv ? grub_for_pv : grub_for_pvh;
  if (access(path, R_OK) != 0)
    throw internal_error(
        std::string("a paravirtualized guest that boots from its own disk needs ") + path +
        "; install the package grub-xen-host");
  return path;
}

void fill_hvm(libxl_domain_build_info& build, const VmSpec& spec, const Places& places) {
  auto& hvm = build.u.hvm;
  hvm.bios = spec.firmware == Firmware::uefi ? LIBXL_BIOS_TYPE_OVMF : LIBXL_BIOS_TYPE_SEABIOS;
  hvm.boot = copy(spec.boot_order);
  hvm.serial = strdup("pty");
  hvm.vga.kind = LIBXL_VGA_INTERFACE_TYPE_STD;
  const bool display = !places.vnc_socket.empty();
  libxl_defbool_set(&hvm.nographic, !display);
  libxl_defbool_set(&hvm.vnc.enable, display);
  libxl_defbool_set(&hvm.sdl.enable, false);
  libxl_defbool_set(&hvm.spice.enable, false);
  libxl_defbool_set(&hvm.usb, true);
  hvm.usbdevice = strdup("tablet");
  if (!display) return;
  // A socket that only root may open, instead of a port that anybody on this host can reach.
  hvm.vnc.listen = copy("unix:" + places.vnc_socket);
  libxl_defbool_set(&hvm.vnc.findunused, false);
}

void fill_paravirtual(libxl_domain_config& config, const Places& places) {
  if (places.vnc_socket.empty()) return;
  config.num_vfbs = config.num_vkbs = 1;
  config.vfbs = make_array<libxl_device_vfb>(1);
  config.vkbs = make_array<libxl_device_vkb>(1);
  libxl_device_vfb_init(config.vfbs);
  libxl_device_vkb_init(config.vkbs);
  libxl_defbool_set(&config.vfbs->vnc.enable, true);
  libxl_defbool_set(&config.vfbs->vnc.findunused, false);
  libxl_defbool_set(&config.vfbs->sdl.enable, false);
  config.vfbs->vnc.listen = copy("unix:" + places.vnc_socket);
}

// The bitmaps are libxl's to free.
void fill_placement(libxl_ctx* context, libxl_domain_build_info& build, const VmSpec& spec,
                    const std::string& guest_cpus) {
  auto params = spec.vcpus_params;
  if (!guest_cpus.empty()) params.try_emplace("mask", guest_cpus);
  const Placement placement = read_placement(params, spec.vcpus_max);
  if (placement.weight) build.sched_params.weight = *placement.weight;
  if (placement.cap) build.sched_params.cap = *placement.cap;
  build.vcpu_hard_affinity = make_array<libxl_bitmap>(placement.affinity.size());
  for (const std::vector<int>& cpus : placement.affinity) {
    libxl_bitmap& map = build.vcpu_hard_affinity[build.num_vcpu_hard_affinity++];
    libxl_bitmap_init(&map);
    libxl_cpu_bitmap_alloc(context, &map, 0);
    if (cpus.empty()) libxl_bitmap_set_any(&map);
    for (const int cpu : cpus) libxl_bitmap_set(&map, cpu);
    if (libxl_bitmap_is_empty(&map))
      throw Failure("INVALID_VALUE", {"VCPUs_params", "this host has none of the CPUs named"});
  }
  // libxl's own choice of a NUMA node would be put in the place of ours.
  if (!placement.affinity.empty()) libxl_defbool_set(&build.numa_placement, false);
}

// The firmware of an hvm guest boots from the first of its disks.
std::vector<DiskSpec> in_order(const VmSpec& spec) {
  std::vector<DiskSpec> disks = spec.disks;
  std::stable_sort(disks.begin(), disks.end(), [](const DiskSpec& a, const DiskSpec& b) {
    return std::stoi(a.device) < std::stoi(b.device);
  });
  return disks;
}

// A script of ours is where the other is.
std::string beside(const std::string& path, const char* name) {
  return std::filesystem::path(path).replace_filename(name);
}

}  // namespace

std::string disk_name(const std::string& device, GuestType type) {
  const int number = std::stoi(device);
  std::string letters;
  for (int rest = number; rest >= 0; rest = rest / 26 - 1)
    letters.insert(letters.begin(), static_cast<char>('a' + rest % 26));
  return (type == GuestType::hvm && number < drives_of_a_pc ? "hd" : "xvd") + letters;
}

std::optional<std::string> device_of_disk_name(const std::string& name) {
  std::string letters;
  for (const char* prefix : {"xvd", "hd"})
    if (letters.empty() && name.starts_with(prefix)) letters = name.substr(strlen(prefix));
  if (letters.empty() || letters.size() > 2) return std::nullopt;
  int number = 0;
  for (const char letter : letters) {
    if (letter < 'a' || letter > 'z') return std::nullopt;
    number = number * 26 + (letter - 'a' + 1);
  }
  return std::to_string(number - 1);
}

bool is_empty_drive_without_device(const DiskSpec& disk, GuestType type) {
  return disk.cdrom && disk.path.empty() && type != GuestType::hvm;
}

void check_for_xen(const NicSpec& nic, GuestType type) {
  // The emulated NIC beside the frontend is named so with "-emu" behind it.
  constexpr std::size_t longest_name_in_hvm = 11;
  if (type == GuestType::hvm && nic.host_device.size() > longest_name_in_hvm)
    throw Failure("VALUE_NOT_SUPPORTED", {"nic.host_device", nic.host_device,
                                          "of an hvm guest on Xen it has at most 11 characters"});
  if (nic.backing == NicBacking::user)
    throw Failure("VALUE_NOT_SUPPORTED",
                  {"nic.backing", "user", "NICs of Xen guests are on bridges, or on nothing"});
}

void check_for_xen(const DiskSpec& disk, GuestType type) {
  if (disk.format == DiskFormat::qcow2 && (disk.read_only || disk.cdrom) && type != GuestType::hvm)
    throw Failure("VALUE_NOT_SUPPORTED",
                  {"disk.format", "qcow2", "read-only disks of Xen guests are raw images"});
}

void check_for_xen(const VmSpec& spec) {
  const GuestType type = spec.type;
  for (const NicSpec& nic : spec.nics) check_for_xen(nic, type);
  for (const DiskSpec& disk : spec.disks) check_for_xen(disk, type);
  for (const DiskSpec& disk : spec.disks)
    if (type == GuestType::hvm && disk.cdrom && std::stoi(disk.device) >= drives_of_a_pc)
      throw Failure("VALUE_NOT_SUPPORTED",
                    {"disk.device", disk.device, "CD drives are devices 0 to 3"});
}

void fill_disk(libxl_device_disk& device, const DiskSpec& disk, GuestType type) {
  device.vdev = copy(disk_name(disk.device, type));
  device.is_cdrom = disk.cdrom;
  device.removable = disk.cdrom;
  device.readwrite = !disk.read_only && !disk.cdrom;
  if (disk.path.empty()) {
    device.format = LIBXL_DISK_FORMAT_EMPTY;
    device.pdev_path = strdup("");
    return;
  }
  device.pdev_path = copy(disk.path);
  switch (disk.format) {
    case DiskFormat::raw:
      device.format = LIBXL_DISK_FORMAT_RAW;
      break;
    case DiskFormat::qcow2:
      device.format = LIBXL_DISK_FORMAT_QCOW2;
      break;
  }
  // Devices go through the kernel's backend, files through QEMU: a loop device lies about what is
  // on the disk. Read-only files lose nothing by that, and QEMU 7.2 cannot serve them to a
  // frontend.
  const bool written = !disk.read_only && !disk.cdrom;
  const bool in_kernel = disk.format == DiskFormat::raw &&
                         (is_block_device(disk.path) || (!written && type != GuestType::hvm));
  device.backend = in_kernel ? LIBXL_DISK_BACKEND_PHY : LIBXL_DISK_BACKEND_QDISK;
}

void fill_nic(libxl_device_nic& device, const NicSpec& nic, GuestType type, const Places& places) {
  device.devid = std::stoi(nic.device);
  device.mtu = nic.mtu;
  std::array<unsigned, 6> mac{};
  if (sscanf(nic.mac.c_str(), "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
             &mac[5]) != 6)
    throw Failure("MAC_INVALID", {nic.mac});
  for (std::size_t i = 0; i < mac.size(); ++i) device.mac[i] = static_cast<std::uint8_t>(mac[i]);
  device.ifname = copy(nic.host_device);
  device.nictype = type == GuestType::hvm ? LIBXL_NIC_TYPE_VIF_IOEMU : LIBXL_NIC_TYPE_VIF;
  switch (nic.backing) {
    case NicBacking::bridge:
      device.bridge = copy(nic.bridge);
      // A bridge of the kernel has a directory "bridge"; what else carries ports is Open vSwitch's.
      if (access(("/sys/class/net/" + nic.bridge).c_str(), F_OK) == 0 &&
          access(("/sys/class/net/" + nic.bridge + "/bridge").c_str(), F_OK) != 0)
        device.script = strdup("vif-openvswitch");
      else if (!nic.host_device.empty())
        device.script = copy(beside(places.script_of_lone_nic, "nic-named"));
      break;
    case NicBacking::none:
      device.script = copy(places.script_of_lone_nic);
      break;
    case NicBacking::user:
      check_for_xen(nic, type);
      break;
  }
}

DomainConfig::DomainConfig(libxl_ctx* context, const VmSpec& spec, const std::string& name,
                           const Places& places) {
  const GuestType type = spec.type;
  libxl_domain_config_init(&config_);
  auto& create = config_.c_info;
  create.type = libxl_type(type);
  create.name = copy(name);
  create.uuid = uuid_bytes(spec.uuid);

  auto& build = config_.b_info;
  libxl_domain_build_info_init_type(&build, create.type);
  build.max_vcpus = static_cast<int>(spec.vcpus_max);
  libxl_cpu_bitmap_alloc(context, &build.avail_vcpus, build.max_vcpus);
  for (int i = 0; i < spec.vcpus; ++i) libxl_bitmap_set(&build.avail_vcpus, i);
  fill_placement(context, build, spec, places.guest_cpus);
  build.max_memkb = static_cast<std::uint64_t>(spec.memory_static_max_bytes) >> 10;
  build.target_memkb = spec.memory_target_bytes != 0
                           ? static_cast<std::uint64_t>(spec.memory_target_bytes) >> 10
                           : build.max_memkb;
  libxl_defbool_set(&build.localtime, spec.rtc_localtime);
  if (spec.direct_kernel) {
    build.kernel = copy(spec.direct_kernel->kernel);
    build.ramdisk = copy(spec.direct_kernel->ramdisk);
    build.cmdline = copy(spec.direct_kernel->command_line);
  } else if (type != GuestType::hvm) {
    build.kernel = copy(loader_inside(type));
  }
  if (type == GuestType::hvm)
    fill_hvm(build, spec, places);
  else
    fill_paravirtual(config_, places);

  std::vector<DiskSpec> disks = in_order(spec);
  std::erase_if(disks,
                [type](const DiskSpec& disk) { return is_empty_drive_without_device(disk, type); });
  config_.disks = make_array<libxl_device_disk>(disks.size());
  for (const DiskSpec& disk : disks) {
    libxl_device_disk_init(&config_.disks[config_.num_disks]);
    fill_disk(config_.disks[config_.num_disks++], disk, type);
  }
  config_.nics = make_array<libxl_device_nic>(spec.nics.size());
  for (const NicSpec& nic : spec.nics) {
    libxl_device_nic_init(&config_.nics[config_.num_nics]);
    fill_nic(config_.nics[config_.num_nics++], nic, type, places);
  }
  // What a domain does at its end is our part, whoever else listens.
  config_.on_poweroff = config_.on_reboot = config_.on_crash = config_.on_watchdog =
      LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
}

}  // namespace xcp::hypervisor::libxl
