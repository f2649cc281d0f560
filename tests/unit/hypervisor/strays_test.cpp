// SPDX-License-Identifier: GPL-2.0-or-later
// Devices in QEMU that are in nobody's records.
#include "hypervisor/libvirt/strays.hpp"

#include <gtest/gtest.h>

namespace xcp::hypervisor::libvirt {
namespace {

using Commands = std::vector<std::string>;

constexpr const char* xml = R"(<domain><devices>
  <disk><source file='/a' index='3'/><backingStore index='4'><source file='/b'/></backingStore>
    <alias name='ua-vbd-0'/></disk>
  <interface><alias name='ua-vif-0'/></interface>
</devices></domain>)";

constexpr const char* known_peripherals =
    R"({"return":[{"name":"type"},{"name":"ua-vbd-0"},{"name":"ua-vif-0"},{"name":"balloon0"}]})";
constexpr const char* known_nodes =
    R"({"return":[{"node-name":"libvirt-3-format"},{"node-name":"libvirt-3-storage"},
        {"node-name":"libvirt-4-format"},{"node-name":"libvirt-4-storage"},
        {"node-name":"libvirt-pflash0-format"},{"node-name":"#block123"}]})";

QemuLists lists(const std::string& peripherals, const std::string& nodes,
                const std::string& blocks = R"({"return":[]})") {
  return {peripherals, nodes, blocks};
}

TEST(Strays, NothingIsDoneWhereAllIsKnown) {
  const Strays strays = find_strays(xml, lists(known_peripherals, known_nodes));
  EXPECT_EQ(strays.commands, Commands{});
  EXPECT_TRUE(strays.disks.empty());
}

TEST(Strays, ANicAndNodesInNoRecordGo) {
  EXPECT_EQ(
      find_strays(xml, lists(R"({"return":[{"name":"ua-vif-2"},{"name":"other"}]})",
                             R"({"return":[{"node-name":"libvirt-5-storage"},
                                           {"node-name":"libvirt-5-format"}]})"))
          .commands,
      (Commands{R"({"execute":"device_del","arguments":{"id":"ua-vif-2"}})",
                R"({"execute":"netdev_del","arguments":{"id":"hostua-vif-2"}})",
                R"({"execute":"blockdev-del","arguments":{"node-name":"libvirt-5-format"}})",
                R"({"execute":"blockdev-del","arguments":{"node-name":"libvirt-5-storage"}})"}));
}

TEST(Strays, AFurtherNameIsTheSameDevice) {
  const Strays strays =
      find_strays(xml, lists(R"({"return":[{"name":"ua-vbd-1_2"},{"name":"ua-vif-1_3"}]})",
                             R"({"return":[]})", R"({"return":[
        {"qdev":"/machine/peripheral/ua-vbd-1_2/virtio-backend","inserted":{"file":"/x"}}]})"));
  ASSERT_EQ(strays.disks.size(), 1u);
  EXPECT_EQ(strays.disks[0].alias, "ua-vbd-1_2");
  EXPECT_EQ(strays.disks[0].spec.device, "1");
  EXPECT_EQ(strays.nics, std::vector<std::string>{"ua-vif-1_3"});
}

TEST(Strays, ADiskInNoRecordIsToldOf) {
  const Strays strays = find_strays(
      xml,
      lists(R"({"return":[{"name":"ua-vbd-0"},{"name":"ua-vbd-1"}]})",
            R"({"return":[{"node-name":"libvirt-5-storage"},{"node-name":"libvirt-5-format"}]})",
            R"({"return":[
        {"qdev":"/machine/peripheral/ua-vbd-10/virtio-backend","inserted":{"file":"/wrong"}},
        {"qdev":"/machine/peripheral/ua-vbd-1/virtio-backend",
         "inserted":{"file":"/sr/x.qcow2","drv":"qcow2","ro":true,"node-name":"libvirt-5-format"}}]})"));
  EXPECT_EQ(strays.commands, Commands{}) << "its image stays open";
  ASSERT_EQ(strays.disks.size(), 1u);
  EXPECT_EQ(strays.disks[0].alias, "ua-vbd-1");
  EXPECT_EQ(strays.disks[0].spec.device, "1");
  EXPECT_EQ(strays.disks[0].spec.path, "/sr/x.qcow2");
  EXPECT_EQ(strays.disks[0].spec.format, DiskFormat::qcow2);
  EXPECT_TRUE(strays.disks[0].spec.read_only);
  EXPECT_TRUE(has_peripheral(R"({"return":[{"name":"ua-vbd-1"}]})", "ua-vbd-1"));
  EXPECT_FALSE(has_peripheral(R"({"return":[{"name":"ua-vbd-10"}]})", "ua-vbd-1"));
}

TEST(Strays, WhatCannotBeReadMeansNothing) {
  for (const char* reply :
       {"", "{", "[]", R"({"error":{}})", R"({"return":{}})", R"({"return":[7,{}]})"}) {
    const Strays strays = find_strays(xml, {reply, reply, reply});
    EXPECT_EQ(strays.commands, Commands{}) << reply;
    EXPECT_TRUE(strays.disks.empty()) << reply;
  }
  EXPECT_TRUE(find_strays("no XML", lists(R"({"return":[{"name":"ua-vif-1"}]})", known_nodes))
                  .commands.empty());
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
