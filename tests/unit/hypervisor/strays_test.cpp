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

TEST(Strays, NothingIsDoneWhereAllIsKnown) {
  EXPECT_EQ(stray_commands(xml, known_peripherals, known_nodes), Commands{});
}

TEST(Strays, WhatIsInNoRecordGoes) {
  EXPECT_EQ(
      stray_commands(
          xml, R"({"return":[{"name":"ua-vbd-1"},{"name":"ua-vif-2"},{"name":"other"}]})",
          R"({"return":[{"node-name":"libvirt-5-storage"},{"node-name":"libvirt-5-format"}]})"),
      (Commands{R"({"execute":"device_del","arguments":{"id":"ua-vbd-1"}})",
                R"({"execute":"device_del","arguments":{"id":"ua-vif-2"}})",
                R"({"execute":"netdev_del","arguments":{"id":"hostua-vif-2"}})",
                R"({"execute":"blockdev-del","arguments":{"node-name":"libvirt-5-format"}})",
                R"({"execute":"blockdev-del","arguments":{"node-name":"libvirt-5-storage"}})"}));
}

TEST(Strays, WhatCannotBeReadMeansNothing) {
  for (const char* reply :
       {"", "{", "[]", R"({"error":{}})", R"({"return":{}})", R"({"return":[7,{}]})"})
    EXPECT_EQ(stray_commands(xml, reply, reply), Commands{}) << reply;
  EXPECT_EQ(stray_commands("no XML", R"({"return":[{"name":"ua-vbd-1"}]})", known_nodes),
            Commands{});
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
