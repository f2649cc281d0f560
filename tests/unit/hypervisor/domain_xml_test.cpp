// SPDX-License-Identifier: GPL-2.0-or-later
// VmSpec and devices to libvirt's XML.
#include "hypervisor/libvirt/domain_xml.hpp"

#include "base/failure.hpp"
#include "golden.hpp"
#include "hypervisor/libvirt/domain_state.hpp"

namespace xcp::hypervisor::libvirt {
namespace {

using test::expect_golden;
using test::golden_text;

constexpr const char* uuid = "11111111-2222-4333-8444-555555555555";

HostView host() {
  HostView view;
  view.emulator = "/usr/bin/qemu-system-x86_64";
  view.uefi_code = "/usr/share/OVMF/OVMF_CODE_4M.fd";
  view.socket_directory = "/var/lib/xcp/hypervisor/sockets";
  view.is_block_device = [](const std::string& path) { return path.starts_with("/dev/"); };
  view.is_openvswitch = [](const std::string& bridge) { return bridge == "ovsbr0"; };
  return view;
}

DiskSpec disk(const std::string& device, const std::string& path) {
  DiskSpec spec;
  spec.device = device;
  spec.path = path;
  return spec;
}

DiskSpec drive(const std::string& device, const std::string& path = {}) {
  DiskSpec spec = disk(device, path);
  spec.cdrom = true;
  spec.read_only = true;
  return spec;
}

NicSpec nic(const std::string& device, NicBacking backing, const std::string& bridge = {}) {
  NicSpec spec;
  spec.device = device;
  spec.mac = "52:54:00:aa:bb:0" + device;
  spec.backing = backing;
  spec.bridge = bridge;
  return spec;
}

VmSpec small() {
  VmSpec spec;
  spec.uuid = uuid;
  spec.name = "web server";
  spec.memory_static_max_bytes = 512 << 20;
  return spec;
}

VmSpec large() {
  VmSpec spec = small();
  spec.name = "a <name> & \"quotes\"\nof two lines";
  spec.firmware = Firmware::uefi;
  spec.nvram_path = "/var/lib/xcp/hypervisor/nvram/guest.fd";
  spec.boot_order = "ncd";
  spec.vcpus_max = 8;
  spec.vcpus = 2;
  spec.memory_static_max_bytes = std::int64_t{4} << 30;
  spec.memory_target_bytes = std::int64_t{2} << 30;
  spec.disks = {disk("1", "/dev/vg/second"), disk("0", "/sr/first.qcow2"), drive("3", "/iso/a.iso"),
                drive("5"), disk("17", "/sr/far.raw")};
  spec.disks[0].bootable = true;
  spec.disks[1].format = DiskFormat::qcow2;
  spec.disks[1].serial = "0f0f0f0f-0000-4000-8000-000000000000";
  spec.disks[1].qos = {{"total_iops_sec", "500"}, {"sched", "rt"}, {"read_bytes_sec", "x"}};
  spec.disks[4].read_only = true;
  spec.nics = {nic("0", NicBacking::bridge, "xenbr0"), nic("1", NicBacking::bridge, "ovsbr0"),
               nic("2", NicBacking::user), nic("3", NicBacking::none)};
  spec.nics[0].host_device = "tap12.0";
  spec.nics[1].mtu = 9000;
  spec.nics[2].forwards = {{2222, 22}};
  spec.rtc_localtime = true;
  spec.platform = {{"cores-per-socket", "4"},
                   {"timeoffset", "-3600"},
                   {"usb_tablet", "true"},
                   {"vga", "cirrus"},
                   {"videoram", "8"},
                   {"viridian", "true"},
                   {"hvm_serial", "file:/etc/passwd"}};
  spec.on_reboot = OnEvent::destroy;
  spec.on_crash = OnEvent::preserve;
  return spec;
}

const Mark mark{1700000000, OnEvent::destroy, {{"2", {{2222, 22}}}}};

std::string code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return {};
}

TEST(DomainXml, SmallGuest) {
  VmSpec spec = small();
  spec.disks = {disk("0", "/sr/disk.raw"), drive("3")};
  spec.nics = {nic("0", NicBacking::bridge, "xenbr0")};
  expect_golden("small.xml", domain_xml(spec, {1700000000, OnEvent::restart, {}}, host()));
}

TEST(DomainXml, EverythingAtOnce) {
  expect_golden("large.xml", domain_xml(large(), mark, host()));
}

TEST(DomainXml, EverythingAtOnceWithHardwareHelp) {
  HostView view = host();
  view.accelerated = true;
  expect_golden("large-kvm.xml", domain_xml(large(), mark, view));
}

TEST(DomainXml, DirectKernelWithoutDisplay) {
  VmSpec spec = small();
  spec.vnc = false;
  spec.direct_kernel = DirectKernel{"/boot/vmlinuz", "/boot/initrd", "console=ttyS0 a=<b>"};
  expect_golden("direct-kernel.xml", domain_xml(spec, {}, host()));
}

TEST(DomainXml, PluggedDevices) {
  expect_golden("plug-disk.xml", disk_xml(disk("2", "/dev/mapper/third"), "ua-vbd-2", host()));
  expect_golden("plug-nic-bridge.xml",
                nic_xml(nic("1", NicBacking::bridge, "ovsbr0"), "ua-vif-1", host()));
  expect_golden("plug-nic-user.xml", nic_xml(nic("4", NicBacking::user), "ua-vif-4", host()));
  expect_golden("medium-insert.xml", medium_xml(drive("3", "/iso/b.iso"), "hdd", host()));
  expect_golden("medium-eject.xml", medium_xml(drive("3"), "hdd", host()));
}

// What a plug writes equals what the start would have written, but for the boot order.
TEST(DomainXml, APluggedDiskIsTheSameDiskAtStart) {
  VmSpec spec = small();
  spec.boot_order = "d";
  spec.disks = {disk("2", "/sr/x.raw")};
  const std::string whole = domain_xml(spec, {}, host());
  std::string plugged = disk_xml(spec.disks[0], "ua-vbd-2", host());
  std::string indented;
  for (std::size_t at = 0; at < plugged.size();) {
    const auto end = plugged.find('\n', at);
    indented += "    " + plugged.substr(at, end + 1 - at);
    at = end + 1;
  }
  EXPECT_NE(whole.find(indented), std::string::npos) << indented << whole;
}

TEST(DomainXml, WhatCannotBeIsRefused) {
  VmSpec spec = small();
  for (const char* device : {"0", "1", "2", "3", "4"}) spec.disks.push_back(drive(device));
  EXPECT_EQ(code_of([&] { domain_xml(spec, {}, host()); }), "INTERNAL_ERROR") << "five CD drives";
  spec = small();
  spec.firmware = Firmware::uefi;
  HostView view = host();
  view.uefi_code.clear();
  EXPECT_EQ(code_of([&] { domain_xml(spec, {}, view); }), "INTERNAL_ERROR") << "no firmware";
}

TEST(DomainXml, ASavedGuestIsGivenItsNewSurroundings) {
  const std::string saved = golden_text("live-uefi-guest.xml");
  VmSpec spec = small();
  spec.uuid = "5c9d0b2e-0000-4000-8000-000000000001";
  spec.name = "renamed";
  spec.direct_kernel = DirectKernel{"/new/vmlinuz", "", "console=hvc0"};
  spec.firmware = Firmware::uefi;
  spec.nvram_path = "/new/nvram.fd";
  spec.disks = {disk("0", "/dev/vg/moved"), disk("1", "/sr/other.qcow2"), drive("3", "/iso/c.iso")};
  spec.disks[1].format = DiskFormat::qcow2;
  spec.nics = {nic("0", NicBacking::bridge, "xenbr1"), nic("1", NicBacking::user)};
  expect_golden("restored.xml", restored_xml(saved, spec, mark, host()));

  VmSpec wrong = spec;
  wrong.uuid = uuid;
  EXPECT_EQ(code_of([&] { restored_xml(saved, wrong, mark, host()); }), "INTERNAL_ERROR");
  wrong = spec;
  wrong.disks.pop_back();
  EXPECT_EQ(code_of([&] { restored_xml(saved, wrong, mark, host()); }), "INTERNAL_ERROR");
  wrong = spec;
  wrong.nics.push_back(nic("2", NicBacking::user));
  EXPECT_EQ(code_of([&] { restored_xml(saved, wrong, mark, host()); }), "INTERNAL_ERROR");
  EXPECT_EQ(code_of([&] { restored_xml("no XML", spec, mark, host()); }), "INTERNAL_ERROR");
}

TEST(DomainXml, Snapshots) {
  DiskSpec image = disk("0", "/sr/new.qcow2");
  image.format = DiskFormat::qcow2;
  expect_golden("snapshot-disks.xml", snapshot_xml({{"vda", image}}, {"hdd", "vdb"}, "", host()));
  image.path = "/dev/vg/new";
  expect_golden("snapshot-memory.xml",
                snapshot_xml({{"vda", image}}, {"hdd"}, "/sr/memory", host()));
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
