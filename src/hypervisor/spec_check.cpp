// SPDX-License-Identifier: GPL-2.0-or-later
// See spec_check.hpp.
#include "hypervisor/spec_check.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/failure.hpp"
#include "base/ref.hpp"
#include "hypervisor/placement.hpp"

namespace xcp::hypervisor {

namespace {

constexpr std::size_t longest_device_name = 15;
constexpr int highest_device = 255;

Failure invalid(const std::string& field, const std::string& value) {
  return Failure("INVALID_VALUE", {field, value});
}

bool is_device_number(const std::string& text) {
  return !text.empty() && text.size() <= 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(text) <= highest_device;
}

bool is_mac(const std::string& text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separator = i % 3 == 2;
    if (separator ? text[i] != ':' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

bool is_port(int port, int lowest) {
  return port >= lowest && port <= 65535;
}

// libvirt gives names of these forms itself and drops them when it is told one.
bool is_libvirts_own_name(const std::string& name) {
  for (const char* prefix : {"vnet", "vif", "macvtap", "macvlan"})
    if (name.starts_with(prefix)) return true;
  return false;
}

}  // namespace

void check_disk(const DiskSpec& disk) {
  if (!is_device_number(disk.device)) throw invalid("disk.device", disk.device);
  if (disk.path.empty() && !disk.cdrom) throw invalid("disk.path", disk.path);
}

void check_nic(const NicSpec& nic) {
  if (!is_device_number(nic.device)) throw invalid("nic.device", nic.device);
  if (!is_mac(nic.mac)) throw Failure("MAC_INVALID", {nic.mac});
  if (nic.backing == NicBacking::bridge && nic.bridge.empty()) throw invalid("nic.bridge", "");
  if (nic.host_device.size() > longest_device_name || is_libvirts_own_name(nic.host_device))
    throw invalid("nic.host_device", nic.host_device);
  for (const PortForward& forward : nic.forwards) {
    if (!is_port(forward.host_port, 0))
      throw invalid("nic.forwards.host_port", std::to_string(forward.host_port));
    if (!is_port(forward.guest_port, 1))
      throw invalid("nic.forwards.guest_port", std::to_string(forward.guest_port));
  }
}

void check_spec(const VmSpec& spec) {
  if (!is_uuid(spec.uuid)) throw invalid("uuid", spec.uuid);
  if (spec.firmware == Firmware::uefi && spec.type != GuestType::hvm)
    throw invalid("firmware", "uefi");
  if (spec.vcpus_max < 1) throw invalid("vcpus_max", std::to_string(spec.vcpus_max));
  if (spec.vcpus < 1 || spec.vcpus > spec.vcpus_max)
    throw invalid("vcpus", std::to_string(spec.vcpus));
  read_placement(spec.vcpus_params, spec.vcpus_max);
  if (spec.memory_static_max_bytes <= 0)
    throw invalid("memory_static_max_bytes", std::to_string(spec.memory_static_max_bytes));
  if (spec.memory_target_bytes < 0 || spec.memory_target_bytes > spec.memory_static_max_bytes)
    throw invalid("memory_target_bytes", std::to_string(spec.memory_target_bytes));
  std::set<std::string> devices;
  for (const DiskSpec& disk : spec.disks) {
    check_disk(disk);
    if (!devices.insert(disk.device).second) throw Failure("DEVICE_ALREADY_EXISTS", {disk.device});
  }
  devices.clear();
  for (const NicSpec& nic : spec.nics) {
    check_nic(nic);
    if (!devices.insert(nic.device).second) throw Failure("DEVICE_ALREADY_EXISTS", {nic.device});
  }
}

}  // namespace xcp::hypervisor
