// SPDX-License-Identifier: GPL-2.0-or-later
// Devices and sizes of running domains of the libxl driver. The record kept with the domain follows
// each change; see_real_devices() mends it where a killed daemon left the two apart.
#include <algorithm>
#include <array>
#include <boost/describe/enum_to_string.hpp>
#include <boost/json/array.hpp>

#include "base/ref.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/qemu_monitor.hpp"
#include "hypervisor/spec_check.hpp"

namespace xcp::hypervisor::libxl {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds unplug_patience{30};

template <class T>
auto find_device(std::vector<T>& devices, const std::string& device) {
  return std::find_if(devices.begin(), devices.end(),
                      [&](const T& one) { return one.device == device; });
}

// A guest lets a device go when it is ready to; libxl asks it for ten seconds at a time.
void ask_to_let_go(Context& context, const std::function<int()>& remove,
                   std::chrono::seconds patience, const char* type, const std::string& device,
                   const std::string& uuid) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int code = 0;
  do code = remove();
  while ((code == ERROR_TIMEDOUT || code == ERROR_GUEST_TIMEDOUT) &&
         std::chrono::steady_clock::now() < deadline);
  if (code == ERROR_TIMEDOUT || code == ERROR_GUEST_TIMEDOUT)
    throw Failure("DEVICE_DETACH_TIMEOUT", {type, device});
  context.check(code, std::string("cannot unplug ") + type + " " + device + " of VM " + uuid);
}

void forget_nodes(QemuMonitor& qemu, const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) try {
      qemu.execute("blockdev-del", {{"node-name", node}});
    } catch (const Failure&) {
      // It is in use, or was never made.
    }
}

// Nothing for a domain without a QEMU.
std::vector<OpenImage> images_of_qemu(std::uint32_t domid) {
  try {
    return open_images(QemuMonitor(domid).execute("query-block"));
  } catch (const Failure&) {
    return {};
  }
}

// Each image is opened beside the one it is to replace, then all change places in one step.
void switch_in_qemu(QemuMonitor& qemu, const std::vector<OpenImage>& open,
                    const std::map<std::string, const DiskSpec*>& new_images) {
  std::vector<std::string> nodes;
  json::array changes;
  try {
    for (const OpenImage& old : open) {
      const auto image = new_images.find(old.disk);
      if (image == new_images.end() || old.path == image->second->path) continue;
      const std::string node = old.disk + "-" + make_uuid().substr(0, 8);
      nodes.push_back(node);
      // As QEMU opens the disks of Xen's guests: the emulated drive may have the same file open.
      qemu.execute("blockdev-add",
                   {{"driver", boost::describe::enum_to_string(image->second->format, "")},
                    {"node-name", node},
                    {"backing", nullptr},
                    {"discard", "unmap"},
                    {"cache", {{"direct", true}}},
                    {"file",
                     {{"driver", "file"},
                      {"filename", image->second->path},
                      {"locking", "off"},
                      {"cache", {{"direct", true}}}}}});
      changes.push_back(
          {{"type", "blockdev-snapshot"}, {"data", {{"node", old.node}, {"overlay", node}}}});
    }
    if (!changes.empty()) qemu.execute("transaction", {{"actions", std::move(changes)}});
  } catch (...) {
    forget_nodes(qemu, nodes);
    throw;
  }
}

}  // namespace

void LibxlDriver::attach(Context& context, const Found& found, const DiskSpec& disk) {
  DiskDevice device;
  const GuestType type = found.kept->spec.type;
  check_for_xen(disk, type);
  require_readable(found.uuid, disk);
  fill_disk(device.value, disk, type);
  context.check(libxl_device_disk_add(context, found.domid, &device.value, nullptr),
                "cannot plug disk " + disk.device + " into VM " + found.uuid);
}

void LibxlDriver::detach(Context& context, const Found& found, const DiskSpec& disk) {
  DiskDevice device;
  fill_disk(device.value, disk, found.kept->spec.type);
  ask_to_let_go(
      context,
      [&] { return libxl_device_disk_remove(context, found.domid, &device.value, nullptr); },
      unplug_patience, "VBD", disk.device, found.uuid);
}

void LibxlDriver::plug_disk(std::string uuid, DiskSpec disk) {
  check_disk(disk);
  const auto hold = locks_.hold(uuid);
  Context context;
  Found found = require(context, uuid);
  Kept& kept = *found.kept;
  if (find_device(kept.spec.disks, disk.device) != kept.spec.disks.end())
    throw Failure("DEVICE_ALREADY_EXISTS", {disk.device});
  if (disk.cdrom)
    throw Failure(
        "OPERATION_NOT_ALLOWED",
        {"a CD drive can be added only while the VM is halted; an empty drive takes media "
         "at any time"});
  attach(context, found, disk);
  kept.spec.disks.push_back(disk);
  write_kept(context, found.domid, kept);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::unplug_disk(std::string uuid, std::string device) {
  const auto hold = locks_.hold(uuid);
  Context context;
  auto found = find_ours(context, uuid);
  if (!found) return;
  Kept& kept = *found->kept;
  const auto disk = find_device(kept.spec.disks, device);
  if (disk == kept.spec.disks.end()) return;
  if (disk->cdrom)
    throw Failure("OPERATION_NOT_ALLOWED",
                  {"a CD drive can be taken away only while the VM is halted"});
  detach(context, *found, *disk);
  kept.spec.disks.erase(disk);
  write_kept(context, found->domid, kept);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::change_medium(std::string uuid, std::string device, DiskSpec medium) {
  const auto hold = locks_.hold(uuid);
  Context context;
  Found found = require(context, uuid);
  Kept& kept = *found.kept;
  const auto drive = find_device(kept.spec.disks, device);
  if (drive == kept.spec.disks.end()) throw Failure("DEVICE_NOT_ATTACHED", {device});
  if (!drive->cdrom) throw Failure("VBD_NOT_REMOVABLE_MEDIA", {device});
  DiskSpec loaded = *drive;
  loaded.path = medium.path;
  loaded.format = medium.format;
  loaded.serial = medium.serial;
  const GuestType type = kept.spec.type;
  if (type == GuestType::hvm) {
    DiskDevice inserted;
    fill_disk(inserted.value, loaded, type);
    context.check(libxl_cdrom_insert(context, found.domid, &inserted.value, nullptr),
                  "cannot change the medium in drive " + device + " of VM " + uuid);
  } else {
    // Outside an hvm domain the medium is the device.
    if (!drive->path.empty()) {
      detach(context, found, *drive);
      drive->path.clear();
      write_kept(context, found.domid, kept);
    }
    if (!loaded.path.empty()) attach(context, found, loaded);
  }
  *drive = loaded;
  write_kept(context, found.domid, kept);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) {
  const auto hold = locks_.hold(uuid);
  Context context;
  const Found found = require(context, uuid);
  write_to_new_images(context, found, new_images);
  events_.append(EventKind::changed, uuid);
}

// All disks at one moment, or none.
void LibxlDriver::write_to_new_images(Context& context, const Found& found,
                                      const std::map<std::string, DiskSpec>& new_images) {
  Kept kept = *found.kept;
  std::map<std::string, const DiskSpec*> by_name;
  for (const auto& [device, image] : new_images) {
    const auto disk = find_device(kept.spec.disks, device);
    if (disk == kept.spec.disks.end()) throw Failure("DEVICE_NOT_ATTACHED", {device});
    if (disk->path == image.path) continue;
    require_readable(found.uuid, image);
    by_name[disk_name(device, kept.spec.type)] = &image;
    disk->path = image.path;
    disk->format = image.format;
  }
  if (by_name.empty()) return;
  QemuMonitor qemu(found.domid);
  const std::vector<OpenImage> open = open_images(qemu.execute("query-block"));
  for (const auto& [name, image] : by_name)
    if (std::none_of(open.begin(), open.end(), [&](const auto& one) { return one.disk == name; }))
      throw Failure("VALUE_NOT_SUPPORTED",
                    {"disk.device", image->device,
                     "a device that the kernel serves cannot go on in another image"});
  switch_in_qemu(qemu, open, by_name);
  write_kept(context, found.domid, kept);
}

void LibxlDriver::plug_nic(std::string uuid, NicSpec nic) {
  check_nic(nic);
  const auto hold = locks_.hold(uuid);
  Context context;
  Found found = require(context, uuid);
  check_for_xen(nic, found.kept->spec.type);
  Kept& kept = *found.kept;
  if (find_device(kept.spec.nics, nic.device) != kept.spec.nics.end())
    throw Failure("DEVICE_ALREADY_EXISTS", {nic.device});
  NicDevice device;
  fill_nic(device.value, nic, kept.spec.type, places_for(kept.spec));
  // The emulated one of an hvm guest is made with the domain only.
  device.value.nictype = LIBXL_NIC_TYPE_VIF;
  context.check(libxl_device_nic_add(context, found.domid, &device.value, nullptr),
                "cannot plug NIC " + nic.device + " into VM " + uuid);
  kept.spec.nics.push_back(nic);
  write_kept(context, found.domid, kept);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::unplug_nic(std::string uuid, std::string device) {
  const auto hold = locks_.hold(uuid);
  Context context;
  auto found = find_ours(context, uuid);
  if (!found) return;
  Kept& kept = *found->kept;
  const auto nic = find_device(kept.spec.nics, device);
  if (nic == kept.spec.nics.end()) return;
  NicDevice gone;
  fill_nic(gone.value, *nic, kept.spec.type, places_for(kept.spec));
  ask_to_let_go(
      context, [&] { return libxl_device_nic_remove(context, found->domid, &gone.value, nullptr); },
      unplug_patience, "VIF", device, uuid);
  kept.spec.nics.erase(nic);
  write_kept(context, found->domid, kept);
  events_.append(EventKind::changed, uuid);
}

// ---- what a killed daemon left apart ------------------------------------------------------------

// True when the record had to be mended.
bool LibxlDriver::see_real_devices(Context& context, const Found& found, Kept& kept) {
  const GuestType type = kept.spec.type;
  bool mended = false;
  int count = 0;
  const std::vector<OpenImage> open = images_of_qemu(found.domid);
  std::vector<DiskSpec> real;
  libxl_device_disk* disks = libxl_device_disk_list(context, found.domid, &count);
  for (int i = 0; i < count; ++i) {
    const auto device = device_of_disk_name(disks[i].vdev != nullptr ? disks[i].vdev : "");
    if (!device) continue;
    DiskSpec disk;
    disk.device = *device;
    disk.cdrom = disks[i].is_cdrom != 0;
    disk.read_only = disks[i].readwrite == 0;
    disk.path = disks[i].pdev_path != nullptr ? disks[i].pdev_path : "";
    disk.format = disks[i].format == LIBXL_DISK_FORMAT_QCOW2 ? DiskFormat::qcow2 : DiskFormat::raw;
    // libxl does not know of images that were switched since.
    const auto seen = std::find_if(open.begin(), open.end(), [&](const OpenImage& image) {
      return image.disk == disks[i].vdev && !image.path.empty();
    });
    if (!disk.cdrom && seen != open.end() && seen->path != disk.path) {
      disk.path = seen->path;
      disk.format = DiskFormat::qcow2;
    }
    real.push_back(std::move(disk));
  }
  libxl_device_disk_list_free(disks, count);
  mended |= std::erase_if(kept.spec.disks, [&](const DiskSpec& disk) {
              return !is_empty_drive_without_device(disk, type) &&
                     find_device(real, disk.device) == real.end();
            }) != 0;
  for (const DiskSpec& disk : real) {
    const auto known = find_device(kept.spec.disks, disk.device);
    if (known == kept.spec.disks.end()) {
      kept.spec.disks.push_back(disk);
      mended = true;
    } else if (known->path != disk.path) {
      known->path = disk.path;
      known->format = disk.format;
      mended = true;
    }
  }

  std::vector<NicSpec> real_nics;
  libxl_device_nic* nics = libxl_device_nic_list(context, found.domid, &count);
  for (int i = 0; i < count; ++i) {
    NicSpec nic;
    nic.device = std::to_string(nics[i].devid);
    std::array<char, 18> mac;
    snprintf(mac.data(), mac.size(), "%02x:%02x:%02x:%02x:%02x:%02x", nics[i].mac[0],
             nics[i].mac[1], nics[i].mac[2], nics[i].mac[3], nics[i].mac[4], nics[i].mac[5]);
    nic.mac = mac.data();
    nic.mtu = nics[i].mtu;
    nic.bridge = nics[i].bridge != nullptr ? nics[i].bridge : "";
    nic.backing = nic.bridge.empty() ? NicBacking::none : NicBacking::bridge;
    nic.host_device = nics[i].ifname != nullptr ? nics[i].ifname : "";
    real_nics.push_back(std::move(nic));
  }
  libxl_device_nic_list_free(nics, count);
  mended |= std::erase_if(kept.spec.nics, [&](const NicSpec& nic) {
              return find_device(real_nics, nic.device) == real_nics.end();
            }) != 0;
  for (const NicSpec& nic : real_nics)
    if (find_device(kept.spec.nics, nic.device) == kept.spec.nics.end()) {
      kept.spec.nics.push_back(nic);
      mended = true;
    }
  return mended;
}

// ---- sizes ------------------------------------------------------------------------------------

void LibxlDriver::set_vcpus(std::string uuid, std::int64_t vcpus) {
  const auto hold = locks_.hold(uuid);
  Context context;
  Found found = require(context, uuid);
  Kept& kept = *found.kept;
  if (vcpus < 1 || vcpus > kept.spec.vcpus_max)
    throw Failure("INVALID_VALUE", {"vcpus", std::to_string(vcpus)});
  // libxl would take the order and do nothing.
  if (kept.spec.type == GuestType::hvm && vcpus < kept.spec.vcpus)
    throw Failure("OPERATION_NOT_ALLOWED",
                  {"virtual CPUs of VM " + uuid +
                   ", an hvm guest on Xen, can be added while it runs, and taken away only while "
                   "it is halted"});
  libxl_bitmap online;
  libxl_bitmap_init(&online);
  libxl_cpu_bitmap_alloc(context, &online, static_cast<int>(kept.spec.vcpus_max));
  for (int i = 0; i < vcpus; ++i) libxl_bitmap_set(&online, i);
  const int code = libxl_set_vcpuonline(context, found.domid, &online, nullptr);
  libxl_bitmap_dispose(&online);
  context.check(code, "cannot change the virtual CPUs of VM " + uuid);
  kept.spec.vcpus = vcpus;
  write_kept(context, found.domid, kept);
  events_.append(EventKind::changed, uuid);
}

void LibxlDriver::set_memory_target(std::string uuid, std::int64_t bytes) {
  const auto hold = locks_.hold(uuid);
  Context context;
  Found found = require(context, uuid);
  Kept& kept = *found.kept;
  if (bytes <= 0 || bytes > kept.spec.memory_static_max_bytes)
    throw Failure("INVALID_VALUE", {"memory_target_bytes", std::to_string(bytes)});
  constexpr int relative = 0;
  constexpr int enforced = 1;
  context.check(libxl_set_memory_target(context, found.domid, bytes >> 10, relative, enforced),
                "cannot change the memory of VM " + uuid);
  kept.spec.memory_target_bytes = bytes;
  write_kept(context, found.domid, kept);
}

}  // namespace xcp::hypervisor::libxl
