// SPDX-License-Identifier: GPL-2.0-or-later
// Names of devices and MAC addresses.
#include "ovs-integration/names.hpp"

#include <gtest/gtest.h>

#include "base/ref.hpp"

namespace xcp::network {
namespace {

TEST(Names, DeviceNamesAreWhatTheKernelTakes) {
  for (const char* good : {"a", "xenbr0", "vif0123456789ab", "eth0.5", "br-lan"})
    EXPECT_TRUE(is_device_name(good)) << good;
  for (const char* bad : {"", ".", "..", "a b", "a/b", "a:b", "sixteen-letters-", "x%d", "t\tb"})
    EXPECT_FALSE(is_device_name(bad)) << bad;
}

TEST(Names, BridgesGetTheFirstFreeNumber) {
  EXPECT_EQ(free_bridge_name({}), "xapi0");
  EXPECT_EQ(free_bridge_name({"xapi0", "xapi1", "xapi3", "eth0"}), "xapi2");
}

TEST(Names, PortsAreNamedByTheirVifAndNeverTheSame) {
  const std::string uuid = "ABC11111-2222-4333-8444-555555555555";
  EXPECT_EQ(port_device_name(uuid, {}), "tapabc11111");
  // Others whose uuids begin alike get other names, all of them usable.
  std::set<std::string> taken;
  for (int i = 0; i < 500; ++i) {
    const std::string name = port_device_name(uuid.substr(0, 24) + make_uuid().substr(24), taken);
    EXPECT_TRUE(is_device_name(name)) << name;
    EXPECT_TRUE(name.starts_with("tap"));
    EXPECT_TRUE(taken.insert(name).second);
  }
  EXPECT_EQ(shaper_device_name("tapabc11111"), "ifbabc11111");
}

TEST(Names, OnlyAddressesOfGuestsAreMacs) {
  EXPECT_EQ(normal_mac("02:AB:cd:00:11:FF"), "02:ab:cd:00:11:ff");
  for (const char* bad :
       {"", "02:ab:cd:00:11", "02:ab:cd:00:11:ff:00", "02-ab-cd-00-11-ff", "02:ab:cd:00:11:fg",
        "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:ab:cd:00:11:ff\n"})
    EXPECT_EQ(normal_mac(bad), std::nullopt) << bad;
}

TEST(Names, ABridgeKeepsItsAddress) {
  const std::string uuid = make_uuid();
  EXPECT_EQ(bridge_mac(uuid), bridge_mac(uuid));
  EXPECT_NE(bridge_mac(uuid), bridge_mac(make_uuid()));
  EXPECT_TRUE(normal_mac(bridge_mac(uuid)));
}

TEST(Names, TheMarkIsReadBack) {
  EXPECT_EQ(marked_uuid(mark_of("some-uuid")), "some-uuid");
  for (const char* foreign : {"", "xcp:", "my bridge", "XCP:some-uuid", "see xcp:some-uuid"})
    EXPECT_EQ(marked_uuid(foreign), std::nullopt) << foreign;
}

}  // namespace
}  // namespace xcp::network
