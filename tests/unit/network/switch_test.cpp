// SPDX-License-Identifier: GPL-2.0-or-later
// Networks as real bridges, of the kernel or of Open vSwitch: what is made, what is refused, and
// that nothing else is touched.
#include "ovs-integration/names.hpp"
#include "switches.hpp"

namespace xcp::network {
namespace {

class Switch : public SwitchTest {};
XCP_OVER_ALL_SWITCHES(Switch);

TEST_P(Switch, AnInternalNetworkIsAMarkedBridgeWithoutAddresses) {
  network->ensure_network(spec("xenapi"));
  const Link bridge = link("xenapi");
  EXPECT_EQ(mark_of_bridge("xenapi"), uuid);
  EXPECT_EQ(bridge.mac, bridge_mac(uuid));
  EXPECT_TRUE(bridge.up);
  for (const Address& address : host->addresses()) EXPECT_NE(address.index, bridge.index);
  if (is_ovs()) {
    EXPECT_EQ(ovs->vsctl("get bridge xenapi fail_mode stp_enable rstp_enable"),
              "standalone\nfalse\nfalse\n");
  } else {
    EXPECT_EQ(bridge.kind, "bridge");
    EXPECT_NE(sh("ip -d link show xenapi").find("forward_delay 0"), std::string::npos);
  }
  network->ensure_network(spec("xenapi"));
  EXPECT_EQ(link("xenapi").index, bridge.index) << "it was made anew";
}

TEST_P(Switch, AnUplinkJoinsAndLeaves) {
  NetworkSpec wanted = spec("xenbr1", "eth1");
  wanted.mtu = 9000;
  network->ensure_network(wanted);
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
  EXPECT_EQ(link("xenbr1").mac, link("eth1").mac);
  EXPECT_EQ(link("xenbr1").mtu, 9000);
  EXPECT_EQ(link("eth1").mtu, 9000);
  EXPECT_EQ(network->nics()[1].bridge, "xenbr1");
  network->remove_network(uuid);
  EXPECT_FALSE(host->find("xenbr1"));
  EXPECT_EQ(bridge_of("eth1"), "");
  EXPECT_EQ(link("eth1").mtu, 1500);
  EXPECT_TRUE(link("eth1").up);
}

TEST_P(Switch, ANetworkChangesInPlace) {
  sh("ip link add eth2 type veth peer name wire2");
  network->ensure_network(spec("xenbr1", "eth1"));
  const int index = link("xenbr1").index;
  NetworkSpec changed = spec("xenbr1", "eth2");
  changed.mtu = 1400;
  network->ensure_network(changed);
  EXPECT_EQ(link("xenbr1").index, index);
  EXPECT_EQ(link("xenbr1").mtu, 1400);
  EXPECT_EQ(bridge_of("eth2"), "xenbr1");
  EXPECT_TRUE(link("eth2").up);
  EXPECT_EQ(bridge_of("eth1"), "");
  changed.bridge = "xenbr9";
  network->ensure_network(changed);
  EXPECT_FALSE(host->find("xenbr1"));
  EXPECT_EQ(bridge_of("eth2"), "xenbr9");
  network->add_port(port(1, changed));
  changed.bridge = "xenbr8";
  EXPECT_EQ(code_of([&] { network->ensure_network(changed); }), "NETWORK_CONTAINS_VIF");
  EXPECT_TRUE(host->find("xenbr9"));
}

TEST_P(Switch, TheHostKeepsItsConnections) {
  const auto refused = [&](const NetworkSpec& wanted) {
    const std::string failure = failure_of([&] { network->ensure_network(wanted); });
    EXPECT_FALSE(host->find(wanted.bridge)) << failure;
    EXPECT_TRUE(network->networks().empty());
    return failure;
  };
  EXPECT_EQ(refused(spec("xenbr0", "eth0")), "PIF_IS_MANAGEMENT_INTERFACE eth0");
  NetworkSpec guarded = spec("xenbr0", "eth0");
  guarded.guarded_uplink = true;
  EXPECT_EQ(refused(guarded).substr(0, 15), "NOT_IMPLEMENTED");
  EXPECT_EQ(bridge_of("eth0"), "");

  EXPECT_EQ(refused(spec("xenbr0", "eth7")),
            "PIF_CONFIGURATION_ERROR eth7 there is no network device eth7");
  EXPECT_EQ(refused(spec("xenbr0", "lo")).substr(0, 26), "PIF_CONFIGURATION_ERROR lo");
  sh("ip addr add 198.51.100.1/24 dev eth1");
  EXPECT_NE(refused(spec("xenbr0", "eth1")).find("198.51.100.1/24"), std::string::npos);
  sh("ip addr del 198.51.100.1/24 dev eth1");
  add_bridge("br7");
  put_in("eth1", "br7");
  EXPECT_NE(refused(spec("xenbr0", "eth1")).find("port of br7"), std::string::npos);
  EXPECT_EQ(bridge_of("eth1"), "br7");
  take_out("eth1");
  if (is_ovs()) {
    sh("ip link add kernel7 type bridge");
    sh("ip link set eth1 master kernel7");
    EXPECT_NE(refused(spec("xenbr0", "eth1")).find("port of kernel7"), std::string::npos);
    sh("ip link set eth1 nomaster");
  }
  network->ensure_network(spec("xenbr0", "eth1"));
}

TEST_P(Switch, OtherPeoplesBridgesAreLeftAlone) {
  add_bridge("br7");
  sh("ip link set br7 mtu 1300");
  const int index = link("br7").index;
  EXPECT_EQ(failure_of([&] { network->ensure_network(spec("br7")); }), "BRIDGE_NAME_EXISTS br7");
  EXPECT_EQ(failure_of([&] { network->ensure_network(spec("eth1")); }), "BRIDGE_NAME_EXISTS eth1");
  if (is_ovs()) {
    sh("ip link add kernel7 type bridge");
    EXPECT_EQ(failure_of([&] { network->ensure_network(spec("kernel7")); }),
              "BRIDGE_NAME_EXISTS kernel7");
  }
  add_bridge("xapi0");
  EXPECT_EQ(network->ensure_network(spec("")).spec.bridge, "xapi1");
  network->remove_network(uuid);
  EXPECT_EQ(link("br7").index, index);
  EXPECT_EQ(link("br7").mtu, 1300);
  EXPECT_EQ(link("br7").alias, "");
  EXPECT_EQ(mark_of_bridge("br7"), "");
}

TEST_P(Switch, ABridgeSomebodyElseUsesIsNotTakenAway) {
  network->ensure_network(spec("xenbr1"));
  put_in("eth1", "xenbr1");
  EXPECT_NE(failure_of([&] { network->remove_network(uuid); }).find("eth1"), std::string::npos);
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
  EXPECT_EQ(network->networks().size(), 1u);
  // One that lost our mark is not ours any more.
  take_out("eth1");
  unmark("xenbr1");
  EXPECT_FALSE(network->networks()[0].up);
  network->remove_network(uuid);
  EXPECT_TRUE(host->find("xenbr1"));
}

TEST_P(Switch, NicsTellWhenTheyChange) {
  EventBatch seen = network->events("", 0, std::chrono::milliseconds(0));
  const auto wait_for = [&](const std::string& device) {
    for (int i = 0; i < 100; ++i) {
      seen = network->events(seen.epoch, seen.last, std::chrono::seconds(10));
      if (seen.events.empty()) return false;
      for (const Event& event : seen.events)
        if (event.device == device) return true;
    }
    return false;
  };
  sh("ip link set wire1 down");
  ASSERT_TRUE(wait_for("eth1"));
  EXPECT_FALSE(network->nics()[1].carrier);
  sh("ip link set wire1 up");
  ASSERT_TRUE(wait_for("eth1"));
  EXPECT_TRUE(network->nics()[1].carrier);
  sh("ip link add eth2 type veth peer name wire2");
  ASSERT_TRUE(wait_for("eth2"));
  EXPECT_EQ(network->nics().size(), 3u);
  sh("ip route del default");
  ASSERT_TRUE(wait_for("eth0"));
  EXPECT_FALSE(network->nics()[0].management);
}

TEST_P(Switch, AnUplinkThatComesBackIsJoinedAgain) {
  network->ensure_network(spec("xenbr1", "eth1"));
  EventBatch seen = network->events("", 0, std::chrono::milliseconds(0));
  sh("ip link del eth1");
  while (network->networks()[0].up && !seen.events.empty())
    seen = network->events(seen.epoch, seen.last, std::chrono::seconds(10));
  EXPECT_FALSE(network->networks()[0].up);
  sh("ip link add eth1 type veth peer name wire1");
  do {
    seen = network->events(seen.epoch, seen.last, std::chrono::seconds(10));
  } while (!network->networks()[0].up && !seen.events.empty());
  EXPECT_TRUE(network->networks()[0].up);
  EXPECT_EQ(bridge_of("eth1"), "xenbr1");
}

}  // namespace
}  // namespace xcp::network
