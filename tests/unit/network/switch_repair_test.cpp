// SPDX-License-Identifier: GPL-2.0-or-later
// What a start finds, and makes right: devices that went, came, or were left half made.
#include "switches.hpp"

namespace xcp::network {
namespace {

class Repair : public SwitchTest {
 protected:
  void SetUp() override {
    SwitchTest::SetUp();
    net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  }
  NetworkSpec net;
};
XCP_OVER_ALL_SWITCHES(Repair);

TEST_P(Repair, NothingIsTouchedThatIsRight) {
  const int bridge = link("xenbr1").index;
  restart();
  EXPECT_EQ(link("xenbr1").index, bridge);
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
  EXPECT_TRUE(network->warnings().empty());
}

TEST_P(Repair, ABridgeThatWentComesBackWithItsPorts) {
  NetworkSpec internal = spec("xenbr2");
  internal.uuid = other_uuid;
  internal = network->ensure_network(internal).spec;
  PortSpec wanted = port(1, internal);
  wanted.mtu = 1400;
  const Tap tap(network->add_port(wanted).host_device);
  network->activate_port(wanted.uuid);
  EXPECT_EQ(link("xenbr2").mtu, 1500) << "a port's MTU is its own";
  const auto up = [&] {
    for (const NetworkState& state : network->networks())
      if (state.spec.uuid == other_uuid) return state.up;
    return false;
  };
  EXPECT_TRUE(up());
  network.reset();
  delete_bridge("xenbr2");
  network = make(GetParam());
  EXPECT_TRUE(up());
  EXPECT_EQ(bridge_of("tap00000001"), "xenbr2");
}

TEST_P(Repair, DifferencesAreMended) {
  network.reset();
  take_out("eth1");
  sh("ip link set xenbr1 down");
  sh("ip link set xenbr1 mtu 1300");
  network = make(GetParam());
  EXPECT_TRUE(link("xenbr1").up);
  EXPECT_EQ(link("xenbr1").mtu, 1500);
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
}

TEST_P(Repair, WhatNobodyAskedForGoes) {
  const std::string nobody = "cccccccc-2222-4333-8444-555555555555";
  add_bridge("xapi9", nobody);
  if (!is_ovs()) {
    sh("ip link add xcpnew00000001 type bridge");
    sh("ip link add ifb00000009 type ifb");
    sh("ip link set ifb00000009 alias xcp:" + nobody);
  }
  add_bridge("br7");
  sh("ip link add ifb7 type ifb");
  restart();
  EXPECT_FALSE(host->find("xapi9"));
  EXPECT_FALSE(host->find("xcpnew00000001"));
  EXPECT_FALSE(host->find("ifb00000009"));
  EXPECT_TRUE(host->find("br7"));
  EXPECT_TRUE(host->find("ifb7"));
  EXPECT_TRUE(network->warnings().empty());
}

TEST_P(Repair, ABridgeWithGuestsStaysWhateverTheFileSays) {
  network->remove_network(uuid);
  network.reset();
  add_bridge("xapi9", "cccccccc-2222-4333-8444-555555555555");
  const Tap guest("vif7");
  put_in("vif7", "xapi9");
  network = make(GetParam());
  EXPECT_TRUE(host->find("xapi9"));
  EXPECT_EQ(bridge_of("vif7"), "xapi9");
  ASSERT_EQ(network->warnings().size(), 1u);
  EXPECT_NE(network->warnings()[0].find("vif7"), std::string::npos);
}

TEST_P(Repair, WhatCannotBeMendedIsToldAndTheRestServed) {
  NetworkSpec second = spec("xenbr2");
  second.uuid = other_uuid;
  network->ensure_network(second);
  network.reset();
  delete_bridge("xenbr1");
  add_bridge("xenbr1");  // somebody else's now
  delete_bridge("xenbr2");
  network = make(GetParam());
  ASSERT_EQ(network->warnings().size(), 1u);
  EXPECT_NE(network->warnings()[0].find("BRIDGE_NAME_EXISTS"), std::string::npos);
  EXPECT_EQ(mark_of_bridge("xenbr1"), "");
  EXPECT_TRUE(host->find("xenbr2"));
  for (const NetworkState& state : network->networks())
    EXPECT_EQ(state.up, state.spec.uuid == other_uuid);
}

TEST_P(Repair, TheEndOfTheDaemonTouchesNothing) {
  const Tap tap(network->add_port(port(1, net)).host_device);
  network->activate_port(port(1, net).uuid);
  network.reset();
  EXPECT_TRUE(link("xenbr1").up);
  EXPECT_EQ(bridge_of("tap00000001"), "xenbr1");
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
}

}  // namespace
}  // namespace xcp::network
