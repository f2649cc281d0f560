// SPDX-License-Identifier: GPL-2.0-or-later
// What the contract says, in libvirt's XML. Pure: what must be known of the host comes in as
// `HostView`. A device number decides the PCI slot, so that a guest finds its disks and NICs in the
// same order at every start and after every hotplug. Throws INTERNAL_ERROR for a spec that cannot
// be expressed (naming the device).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libvirt {

struct HostView {
  bool accelerated = false;
  std::string emulator;          // path of QEMU; empty: libvirt's choice
  std::string uefi_code;         // firmware image for Firmware::uefi
  std::string socket_directory;  // of the consoles and agents: <dir>/<uuid>.serial, .agent
  std::function<bool(const std::string&)> is_block_device = [](const std::string&) {
    return false;
  };
  std::function<bool(const std::string&)> is_openvswitch = [](const std::string&) { return false; };
};

std::string serial_socket(const HostView& host, const std::string& uuid);
std::string agent_socket(const HostView& host, const std::string& uuid);

// What the XML has no place for, kept in the domain's metadata. `forwards` are those in force, by
// NIC device, with their real host ports.
struct Mark {
  std::int64_t start_time = 0;
  OnEvent on_reboot = OnEvent::restart;
  std::map<std::string, std::vector<PortForward>> forwards;
};
// Without a name space, which libvirt adds to metadata it is given.
std::string mark_xml(const Mark& mark);

std::string domain_xml(const VmSpec& spec, const Mark& mark, const HostView& host);
std::string disk_xml(const DiskSpec& disk, const std::string& alias, const HostView& host);
std::string nic_xml(const NicSpec& nic, const std::string& alias, const HostView& host);

// A CD drive that exists already, with another medium. `target` is its bus position ("hdd").
std::string medium_xml(const DiskSpec& medium, const std::string& target, const HostView& host);

// The XML kept in a saved image, changed so that it names the disks, NIC backings, title and mark
// of `spec`. The hardware stays as the guest knows it: spec must name the same devices.
std::string restored_xml(const std::string& saved, const VmSpec& spec, const Mark& mark,
                         const HostView& host);

// An external snapshot that lets each target ("vda") go on in a prepared image. `memory_file`
// empty: disks only. Disks that are not named stay out of it (`other_targets`).
std::string snapshot_xml(const std::map<std::string, DiskSpec>& images_by_target,
                         const std::vector<std::string>& other_targets,
                         const std::string& memory_file, const HostView& host);

}  // namespace xcp::hypervisor::libvirt
