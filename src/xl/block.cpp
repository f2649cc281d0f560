// SPDX-License-Identifier: GPL-2.0-or-later
// xl block-attach, block-list, block-detach, cd-insert, cd-eject.
#include <fmt/format.h>
#include <sys/stat.h>

#include "xl/cfg/disk.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/vm_spec.hpp"

namespace xcp::xl {

namespace {

// The number under which a guest of Xen knows the disk; what scripts find in the column Vdev.
std::int64_t vdev_number(std::int64_t position) {
  return position < 16 ? (202 << 8) | (position << 4) : (1 << 28) | (position << 8);
}

std::string device_of(const std::string& vdev) {
  if (const auto position = cfg::position_of(vdev)) return std::to_string(*position);
  throw refusal(fmt::format("Error: Device {} not connected.", vdev));
}

// By its vdev (xvdb) or by the number in the column Vdev.
const hypervisor::DiskSpec& find_disk(const hypervisor::DomainState& state,
                                      const std::string& name) {
  const auto position = cfg::position_of(name);
  for (const hypervisor::DiskSpec& disk : state.disks) {
    if (position && disk.device == std::to_string(*position)) return disk;
    if (name == std::to_string(vdev_number(std::stoll(disk.device)))) return disk;
  }
  throw refusal(fmt::format("Error: Device {} not connected.", name));
}

int change(Xl& xl, const Call& call, const std::string& path) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  struct stat status;
  if (!path.empty() && stat(path.c_str(), &status) != 0)
    throw refusal(fmt::format("Cannot stat file: {}", path));
  cfg::Disk disk;
  disk.vdev = call.args[1];
  disk.pdev_path = path;
  disk.format = path.empty() ? "empty" : "raw";
  disk.removable = disk.is_cdrom = true;
  disk.readwrite = false;
  if (xl.settings.dry_run) {
    fmt::print("disk: {}\n\n", cfg::json_of(disk));
    return 0;
  }
  hypervisor::DiskSpec medium;
  medium.device = device_of(disk.vdev);
  medium.cdrom = true;
  medium.read_only = true;
  medium.path = path;
  xl.hypervisor().change_medium(state.uuid, medium.device, medium);
  return 0;
}

}  // namespace

int block_attach(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  std::string text;
  for (std::size_t i = 1; i < call.args.size(); ++i) text += (i > 1 ? "," : "") + call.args[i];
  const cfg::Disk disk = cfg::parse_disk(text);
  if (xl.settings.dry_run) {
    fmt::print("disk: {}\n\n", cfg::json_of(disk));
    return 0;
  }
  cfg::Warnings warnings;
  const hypervisor::DiskSpec spec = disk_spec(disk, false, warnings);
  for (const std::string& warning : warnings) xl.warn(warning);
  xl.hypervisor().plug_disk(state.uuid, spec);
  return 0;
}

int block_list(Xl& xl, const Call& call) {
  if (xl.on_xen()) return list_devices(xl, call, hypervisor::XenDeviceKind::disk);
  fmt::print("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", "Vdev", "BE", "handle", "state",
             "evt-ch", "ring-ref", "BE-path");
  for (const std::string& name : call.args) {
    hypervisor::DomainState state;
    try {
      state = xl.find(name);
    } catch (const Failure&) {
      fmt::print(stderr, "{} is an invalid domain identifier\n", name);
      continue;
    }
    for (const hypervisor::DiskSpec& disk : state.disks) {
      const std::int64_t vdev = vdev_number(std::stoll(disk.device));
      fmt::print("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", vdev, 0, vdev, 4, -1, -1,
                 disk.path);
    }
  }
  return 0;
}

int block_detach(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  xl.hypervisor().unplug_disk(state.uuid, find_disk(state, call.args[1]).device);
  return 0;
}

int cd_insert(Xl& xl, const Call& call) {
  return change(xl, call, call.args[2]);
}

int cd_eject(Xl& xl, const Call& call) {
  return change(xl, call, "");
}

}  // namespace xcp::xl
