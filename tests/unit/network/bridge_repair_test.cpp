// SPDX-License-Identifier: GPL-2.0-or-later
// What a start finds, and makes right: devices that went, came, or were left half made.
#include "namespaces.hpp"

namespace xcp::network {
namespace {

class Repair : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    network = make();
    net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  }
  void restart() {
    network.reset();
    network = make();
  }
  Link link(const std::string& name) { return host->find(name).value(); }
  std::unique_ptr<LocalNetwork> network;
  NetworkSpec net;
};

TEST_F(Repair, NothingIsTouchedThatIsRight) {
  const int bridge = link("xenbr1").index;
  restart();
  EXPECT_EQ(link("xenbr1").index, bridge);
  EXPECT_EQ(link("eth1").master, bridge);
  EXPECT_TRUE(network->warnings().empty());
}

TEST_F(Repair, ABridgeThatWentComesBackWithItsPorts) {
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
  sh("ip link del xenbr2");
  EXPECT_FALSE(up());
  restart();
  EXPECT_TRUE(up());
  EXPECT_EQ(link("tap00000001").master, link("xenbr2").index);
}

TEST_F(Repair, DifferencesAreMended) {
  sh("ip link set eth1 nomaster");
  sh("ip link set xenbr1 down");
  sh("ip link set xenbr1 mtu 1300");
  restart();
  EXPECT_TRUE(link("xenbr1").up);
  EXPECT_EQ(link("xenbr1").mtu, 1500);
  EXPECT_EQ(link("eth1").master, link("xenbr1").index);
}

TEST_F(Repair, WhatNobodyAskedForGoes) {
  const std::string nobody = "cccccccc-2222-4333-8444-555555555555";
  sh("ip link add xapi9 type bridge");
  sh("ip link set xapi9 alias xcp:" + nobody);
  sh("ip link add xcpnew00000001 type bridge");
  sh("ip link add ifb00000009 type ifb");
  sh("ip link set ifb00000009 alias xcp:" + nobody);
  sh("ip link add br7 type bridge");
  sh("ip link add ifb7 type ifb");
  restart();
  EXPECT_FALSE(host->find("xapi9"));
  EXPECT_FALSE(host->find("xcpnew00000001"));
  EXPECT_FALSE(host->find("ifb00000009"));
  EXPECT_TRUE(host->find("br7"));
  EXPECT_TRUE(host->find("ifb7"));
  EXPECT_TRUE(network->warnings().empty());
}

TEST_F(Repair, ABridgeWithGuestsStaysWhateverTheFileSays) {
  network->remove_network(uuid);
  network.reset();
  sh("ip link add xapi9 type bridge");
  sh("ip link set xapi9 alias xcp:cccccccc-2222-4333-8444-555555555555");
  const Tap guest("vif7");
  sh("ip link set vif7 master xapi9");
  network = make();
  EXPECT_TRUE(host->find("xapi9"));
  EXPECT_EQ(link("vif7").master, link("xapi9").index);
  ASSERT_EQ(network->warnings().size(), 1u);
  EXPECT_NE(network->warnings()[0].find("vif7"), std::string::npos);
}

TEST_F(Repair, WhatCannotBeMendedIsToldAndTheRestServed) {
  NetworkSpec second = spec("xenbr2");
  second.uuid = other_uuid;
  network->ensure_network(second);
  network.reset();
  sh("ip link del xenbr1");
  sh("ip link add xenbr1 type bridge");  // somebody else's now
  sh("ip link del xenbr2");
  network = make();
  ASSERT_EQ(network->warnings().size(), 1u);
  EXPECT_NE(network->warnings()[0].find("BRIDGE_NAME_EXISTS"), std::string::npos);
  EXPECT_EQ(link("xenbr1").alias, "");
  EXPECT_TRUE(host->find("xenbr2"));
  for (const NetworkState& state : network->networks())
    EXPECT_EQ(state.up, state.spec.uuid == other_uuid);
}

TEST_F(Repair, TheEndOfTheDaemonTouchesNothing) {
  const Tap tap(network->add_port(port(1, net)).host_device);
  network->activate_port(port(1, net).uuid);
  network.reset();
  EXPECT_TRUE(link("xenbr1").up);
  EXPECT_EQ(link("tap00000001").master, link("xenbr1").index);
  EXPECT_EQ(link("eth1").master, link("xenbr1").index);
}

}  // namespace
}  // namespace xcp::network
