// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's XML of running domains, read back.
#include "hypervisor/libvirt/domain_state.hpp"

#include <boost/json/serialize.hpp>

#include "base/describe.hpp"
#include "base/failure.hpp"
#include "golden.hpp"

namespace xcp::hypervisor::libvirt {
namespace {

using test::golden_text;

TEST(DomainState, ALiveGuestIsRead) {
  DomainView view = read_domain(golden_text("live-uefi-guest.xml"));
  test::expect_golden("live-uefi-guest.json", json_text(to_json(view.state)) + "\n");
  EXPECT_TRUE(view.state.ours);
  EXPECT_TRUE(view.agent_connected);
  EXPECT_EQ(view.vcpus_max, 2);
  EXPECT_EQ(view.memory_max_bytes, 256 << 20);
  EXPECT_EQ(view.disk_targets.at("0"), "vda");
  EXPECT_EQ(view.disk_targets.at("3"), "hdd");
  EXPECT_EQ(view.nic_devices, (std::vector<std::string>{"0", "1"}));
  EXPECT_TRUE(view.serial_socket.ends_with(".serial"));
  EXPECT_TRUE(view.vnc_socket.ends_with("/vnc.sock"));
  EXPECT_EQ(view.mark.on_reboot, OnEvent::restart);
  EXPECT_EQ(view.mark.forwards.at("0").size(), 2u);
}

TEST(DomainState, WhatWeWriteWeRead) {
  VmSpec spec;
  spec.uuid = "11111111-2222-4333-8444-555555555555";
  spec.name = "guest";
  spec.vcpus_max = 4;
  spec.vcpus = 3;
  spec.memory_static_max_bytes = 64 << 20;
  spec.memory_target_bytes = 32 << 20;
  DiskSpec disk;
  disk.device = "12";
  disk.path = "/sr/<strange> & \"name\"";
  disk.format = DiskFormat::qcow2;
  disk.serial = "serial";
  disk.qos = {{"write_iops_sec", "7"}};
  spec.disks = {disk};
  HostView host;
  host.socket_directory = "/s";
  const Mark mark{42, OnEvent::destroy, {{"0", {{1, 2}, {3, 4}}}}};
  const DomainView view = read_domain(domain_xml(spec, mark, host));
  EXPECT_EQ(view.state.uuid, spec.uuid);
  EXPECT_EQ(view.state.name, "guest");
  EXPECT_EQ(view.state.domid, -1);
  EXPECT_EQ(view.state.vcpus, 3);
  EXPECT_EQ(view.vcpus_max, 4);
  EXPECT_EQ(view.state.memory_bytes, 32 << 20);
  ASSERT_EQ(view.state.disks.size(), 1u);
  EXPECT_EQ(view.state.disks[0].device, "12");
  EXPECT_EQ(view.state.disks[0].path, disk.path);
  EXPECT_EQ(view.state.disks[0].format, DiskFormat::qcow2);
  EXPECT_EQ(view.state.disks[0].qos, disk.qos);
  EXPECT_EQ(view.state.start_time, 42);
  EXPECT_EQ(view.mark.on_reboot, OnEvent::destroy);
  ASSERT_EQ(view.mark.forwards.at("0").size(), 2u);
  EXPECT_EQ(view.mark.forwards.at("0")[1].host_port, 3);
  EXPECT_EQ(view.mark.forwards.at("0")[1].guest_port, 4);
}

TEST(DomainState, AForeignDomainIsSeenAndNotOurs) {
  const DomainView view = read_domain(R"(<domain type='kvm' id='7'>
    <name>somebody's</name><uuid>aaaaaaaa-0000-4000-8000-000000000000</uuid>
    <metadata><o:os xmlns:o='http://example.org/os'>x</o:os></metadata>
    <memory unit='GiB'>1</memory><currentMemory unit='MiB'>512</currentMemory><vcpu>2</vcpu>
    <devices>
      <disk type='block' device='disk'><source dev='/dev/sdx'/><target dev='sda'/></disk>
      <disk type='network' device='disk'><source protocol='rbd' name='a/b'/><target dev='sdb'/></disk>
      <interface type='network'><mac address='52:54:00:00:00:01'/></interface>
      <graphics type='vnc' port='5901'/>
      <serial type='pty'/>
    </devices></domain>)");
  EXPECT_FALSE(view.state.ours);
  EXPECT_EQ(view.state.domid, 7);
  EXPECT_EQ(view.state.name, "somebody's");
  EXPECT_EQ(view.state.memory_bytes, 512 << 20);
  EXPECT_EQ(view.state.vcpus, 2);
  ASSERT_EQ(view.state.disks.size(), 2u);
  EXPECT_EQ(view.state.disks[0].device, "sda");
  EXPECT_EQ(view.state.disks[0].path, "/dev/sdx");
  EXPECT_EQ(view.state.disks[1].path, "");
  EXPECT_EQ(view.state.vnc_port, 5901);
  EXPECT_TRUE(view.serial_socket.empty());
}

TEST(DomainState, AMarkOfAnotherNameSpaceIsNotOurs) {
  EXPECT_FALSE(
      read_domain("<domain><metadata><xcp:domain xmlns:xcp='urn:other'/></metadata></domain>")
          .state.ours);
  EXPECT_TRUE(read_domain("<domain><metadata><q:domain xmlns:q='urn:xcp:hypervisor:1'/></metadata>"
                          "</domain>")
                  .state.ours);
}

TEST(DomainState, RubbishThrows) {
  for (const char* text : {"", "no XML", "<other/>", "<domain><unclosed></domain>"})
    EXPECT_THROW(read_domain(text), Failure) << text;
  EXPECT_NO_THROW(read_domain("<domain/>"));
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
