// SPDX-License-Identifier: GPL-2.0-or-later
// See domain_config.hpp. Everything that libxl is to own is copied with its own allocator.
#include "hypervisor/libxl/domain_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/fd.hpp"
#include "hypervisor/placement.hpp"
#include "hypervisor/platform.hpp"

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

// In the place of what is there.
void set(char*& field, const std::string& text) {
  free(field);
  field = copy(text);
}

// A socket that only root may open, instead of a port that anybody on this host can reach.
void show_at(libxl_vnc_info& vnc, const std::string& socket) {
  set(vnc.listen, "unix:" + socket);
  libxl_defbool_set(&vnc.findunused, false);
}

void set_if_told(libxl_defbool& field, const VmSpec& spec, const char* key) {
  if (spec.platform.contains(key)) libxl_defbool_set(&field, is_true(spec.platform, key));
}

// VM.platform, as docs/hypervisor.md has its keys.
void fill_platform(libxl_domain_config& config, const VmSpec& spec) {
  constexpr double least_multiplier = 1;
  libxl_domain_build_info& build = config.b_info;
  set_if_told(build.acpi, spec, "acpi");
  set_if_told(build.apic, spec, "apic");
  set_if_told(build.nested_hvm, spec, "nested-virt");
  set_if_told(config.c_info.hap, spec, "hap");
  build.tsc_mode = static_cast<libxl_tsc_mode>(
      std::clamp<std::int64_t>(integer_or(spec.platform, "tsc_mode", LIBXL_TSC_MODE_DEFAULT),
                               LIBXL_TSC_MODE_DEFAULT, LIBXL_TSC_MODE_NATIVE_PARAVIRT));
  build.rtc_timeoffset = static_cast<std::uint32_t>(integer_or(spec.platform, "timeoffset", 0));
  if (spec.shadow_multiplier > least_multiplier && spec.type != GuestType::pv)
    build.shadow_memkb = static_cast<std::uint64_t>(
        spec.shadow_multiplier * static_cast<double>(libxl_get_required_shadow_memory(
                                     static_cast<unsigned long>(spec.memory_static_max_bytes >> 10),
                                     static_cast<unsigned>(spec.vcpus_max))));
  if (spec.type != GuestType::hvm) return;
  auto& hvm = build.u.hvm;
  set_if_told(hvm.pae, spec, "pae");
  set_if_told(hvm.nx, spec, "nx");
  set_if_told(hvm.hpet, spec, "hpet");
  set_if_told(hvm.viridian, spec, "viridian");
  const auto vga = spec.platform.find("vga");
  const bool cirrus = vga != spec.platform.end() && vga->second == "cirrus";
  hvm.vga.kind = cirrus ? LIBXL_VGA_INTERFACE_TYPE_CIRRUS : LIBXL_VGA_INTERFACE_TYPE_STD;
  // libxl refuses less than QEMU's cards have; templates have long asked for 8.
  const std::int64_t least = cirrus ? 8 : 16;
  build.video_memkb = static_cast<std::uint64_t>(
      std::clamp<std::int64_t>(integer_or(spec.platform, "videoram", least), least, 256) << 10);
}

void fill_hvm(libxl_domain_build_info& build, const VmSpec& spec, const Places& places) {
  auto& hvm = build.u.hvm;
  hvm.bios = spec.firmware == Firmware::uefi ? LIBXL_BIOS_TYPE_OVMF : LIBXL_BIOS_TYPE_SEABIOS;
  hvm.boot = copy(spec.boot_order);
  const bool display = !places.vnc_socket.empty();
  libxl_defbool_set(&hvm.nographic, !display);
  libxl_defbool_set(&hvm.vnc.enable, display);
  libxl_defbool_set(&hvm.sdl.enable, false);
  libxl_defbool_set(&hvm.spice.enable, false);
  libxl_defbool_set(&hvm.usb, true);
  hvm.usbdevice = strdup("tablet");
}

void fill_paravirtual(libxl_domain_config& config, const Places& places) {
  if (places.vnc_socket.empty()) return;
  config.num_vfbs = config.num_vkbs = 1;
  config.vfbs = make_array<libxl_device_vfb>(1);
  config.vkbs = make_array<libxl_device_vkb>(1);
  libxl_device_vfb_init(config.vfbs);
  libxl_device_vkb_init(config.vkbs);
  libxl_defbool_set(&config.vfbs->vnc.enable, true);
  libxl_defbool_set(&config.vfbs->sdl.enable, false);
}

// Where our consoles find the guest's, unless the configuration says that they be elsewhere.
void set_consoles(libxl_domain_config& config, const Places& places) {
  if (config.c_info.type == LIBXL_DOMAIN_TYPE_HVM) {
    auto& hvm = config.b_info.u.hvm;
    if (hvm.serial == nullptr && libxl_string_list_length(&hvm.serial_list) == 0)
      hvm.serial = strdup("pty");
    if (!places.vnc_socket.empty() && hvm.vnc.listen == nullptr)
      show_at(hvm.vnc, places.vnc_socket);
    return;
  }
  for (int i = 0; i < config.num_vfbs; ++i)
    if (!places.vnc_socket.empty() && config.vfbs[i].vnc.listen == nullptr)
      show_at(config.vfbs[i].vnc, places.vnc_socket);
}

// The bitmaps are libxl's to free.
void fill_placement(libxl_ctx* context, libxl_domain_build_info& build, const VmSpec& spec,
                    const std::string& guest_cpus) {
  auto params = spec.vcpus_params;
  if (!guest_cpus.empty()) params.try_emplace("mask", guest_cpus);
  const Placement placement = read_placement(params, spec.vcpus_max);
  for (int i = 0; i < build.num_vcpu_hard_affinity; ++i)
    libxl_bitmap_dispose(&build.vcpu_hard_affinity[i]);
  free(build.vcpu_hard_affinity);
  build.num_vcpu_hard_affinity = 0;
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
  for (const char* prefix : {"xvd", "hd", "sd"})
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
  // A disk of a SCSI controller, which only a configuration has, stays there.
  if (device.vdev == nullptr || std::string_view(device.vdev).substr(0, 2) != "sd" ||
      type != GuestType::hvm)
    set(device.vdev, disk_name(disk.device, type));
  device.is_cdrom = disk.cdrom;
  device.removable = disk.cdrom;
  device.readwrite = !disk.read_only && !disk.cdrom;
  if (disk.path.empty()) {
    device.format = LIBXL_DISK_FORMAT_EMPTY;
    free(device.pdev_path);
    device.pdev_path = strdup("");
    return;
  }
  set(device.pdev_path, disk.path);
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
  if (device.backend == LIBXL_DISK_BACKEND_UNKNOWN)
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
  set(device.ifname, nic.host_device);
  if (device.nictype == LIBXL_NIC_TYPE_UNKNOWN)
    device.nictype = type == GuestType::hvm ? LIBXL_NIC_TYPE_VIF_IOEMU : LIBXL_NIC_TYPE_VIF;
  switch (nic.backing) {
    case NicBacking::bridge:
      set(device.bridge, nic.bridge);
      if (device.script != nullptr) break;
      // A bridge of the kernel has a directory "bridge"; what else carries ports is Open vSwitch's.
      if (access(("/sys/class/net/" + nic.bridge).c_str(), F_OK) == 0 &&
          access(("/sys/class/net/" + nic.bridge + "/bridge").c_str(), F_OK) != 0)
        device.script = strdup("vif-openvswitch");
      else if (!nic.host_device.empty())
        device.script = copy(beside(places.script_of_lone_nic, "nic-named"));
      break;
    case NicBacking::none:
      set(device.script, places.script_of_lone_nic);
      break;
    case NicBacking::user:
      check_for_xen(nic, type);
      break;
  }
}

namespace {

void read_configuration(libxl_ctx* context, libxl_domain_config& config, const std::string& json) {
  if (libxl_domain_config_from_json(context, &config, json.c_str()) != 0)
    throw Failure("INVALID_VALUE", {"configuration", "libxl does not read it; see its log"});
}

// A device of the configuration that no DiskSpec can tell: it stays what it is there.
bool is_beyond_spec(const libxl_device_disk& disk) {
  const bool known_format =
      disk.format == LIBXL_DISK_FORMAT_RAW || disk.format == LIBXL_DISK_FORMAT_QCOW2 ||
      disk.format == LIBXL_DISK_FORMAT_EMPTY || disk.format == LIBXL_DISK_FORMAT_UNKNOWN;
  const std::string_view backend = disk.backend_domname != nullptr ? disk.backend_domname : "0";
  return disk.script != nullptr || (backend != "0" && backend != "Domain-0") || !known_format;
}

// The devices of spec: those that the configuration has as well stay as they are there. A drive's
// medium is the one of spec.
void fill_disks(libxl_domain_config& config, const VmSpec& spec) {
  libxl_device_disk* known = config.disks;
  const int known_count = config.num_disks;
  std::vector<DiskSpec> disks = in_order(spec);
  std::erase_if(
      disks, [&](const DiskSpec& disk) { return is_empty_drive_without_device(disk, spec.type); });
  config.num_disks = 0;
  config.disks =
      make_array<libxl_device_disk>(disks.size() + static_cast<std::size_t>(known_count));
  const auto take = [&](libxl_device_disk& disk) {
    libxl_device_disk& mine = config.disks[config.num_disks++];
    mine = disk;
    libxl_device_disk_init(&disk);
    return &mine;
  };
  for (const DiskSpec& disk : disks) {
    libxl_device_disk* mine = nullptr;
    for (int i = 0; i < known_count && mine == nullptr; ++i)
      if (known[i].vdev != nullptr && device_of_disk_name(known[i].vdev) == disk.device &&
          !is_beyond_spec(known[i]))
        mine = take(known[i]);
    if (mine == nullptr) {
      mine = &config.disks[config.num_disks++];
      libxl_device_disk_init(mine);
    }
    fill_disk(*mine, disk, spec.type);
  }
  for (int i = 0; i < known_count; ++i)
    if (is_beyond_spec(known[i])) take(known[i]);
  for (int i = 0; i < known_count; ++i) libxl_device_disk_dispose(&known[i]);
  free(known);
}

void fill_nics(libxl_domain_config& config, const VmSpec& spec, const Places& places) {
  libxl_device_nic* known = config.nics;
  const int known_count = config.num_nics;
  config.num_nics = 0;
  config.nics = make_array<libxl_device_nic>(spec.nics.size());
  for (const NicSpec& nic : spec.nics) {
    libxl_device_nic& mine = config.nics[config.num_nics++];
    libxl_device_nic_init(&mine);
    for (int i = 0; i < known_count; ++i)
      if (known[i].devid == std::stoi(nic.device)) {
        mine = known[i];
        libxl_device_nic_init(&known[i]);
        known[i].devid = -1;
        break;
      }
    fill_nic(mine, nic, spec.type, places);
  }
  for (int i = 0; i < known_count; ++i) libxl_device_nic_dispose(&known[i]);
  free(known);
}

}  // namespace

DomainConfig::DomainConfig(libxl_ctx* context, const VmSpec& spec, const std::string& name,
                           const Places& places, const std::string& configuration) {
  const GuestType type = spec.type;
  libxl_domain_config& config = config_.value;
  auto& create = config.c_info;
  auto& build = config.b_info;
  if (configuration.empty()) {
    create.type = libxl_type(type);
    libxl_domain_build_info_init_type(&build, create.type);
    libxl_defbool_set(&build.localtime, spec.rtc_localtime);
    fill_platform(config, spec);
    if (type == GuestType::hvm)
      fill_hvm(build, spec, places);
    else
      fill_paravirtual(config, places);
  } else {
    read_configuration(context, config, configuration);
  }
  set(create.name, name);
  create.uuid = uuid_bytes(spec.uuid);

  build.max_vcpus = static_cast<int>(spec.vcpus_max);
  libxl_bitmap_dispose(&build.avail_vcpus);
  libxl_cpu_bitmap_alloc(context, &build.avail_vcpus, build.max_vcpus);
  for (int i = 0; i < spec.vcpus; ++i) libxl_bitmap_set(&build.avail_vcpus, i);
  fill_placement(context, build, spec, places.guest_cpus);
  build.max_memkb = static_cast<std::uint64_t>(spec.memory_static_max_bytes) >> 10;
  build.target_memkb = spec.memory_target_bytes != 0
                           ? static_cast<std::uint64_t>(spec.memory_target_bytes) >> 10
                           : build.max_memkb;
  if (spec.direct_kernel) {
    set(build.kernel, spec.direct_kernel->kernel);
    set(build.ramdisk, spec.direct_kernel->ramdisk);
    set(build.cmdline, spec.direct_kernel->command_line);
  } else if (type != GuestType::hvm && build.kernel == nullptr && build.bootloader == nullptr) {
    set(build.kernel, loader_inside(type));
  }
  set_consoles(config, places);
  fill_disks(config, spec);
  fill_nics(config, spec, places);
  // What a domain does at its end is our part, whoever else listens; libxl only shows it.
  if (!configuration.empty()) return;
  config.on_poweroff = config.on_reboot = config.on_crash = config.on_watchdog =
      LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
}

}  // namespace xcp::hypervisor::libxl
