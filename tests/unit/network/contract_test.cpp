// SPDX-License-Identifier: GPL-2.0-or-later
// What the contract promises of every backend.
#include <set>
#include <thread>

#include "namespaces.hpp"

namespace xcp::network {
namespace {

class Contract : public HostTest, public testing::WithParamInterface<Backend> {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    network = make(GetParam());
  }
  void restart() {
    network.reset();
    network = make(GetParam());
  }
  std::unique_ptr<LocalNetwork> network;
};

INSTANTIATE_TEST_SUITE_P(Backends, Contract,
                         testing::Values(Backend::bridge, Backend::openvswitch, Backend::sim,
                                         Backend::user),
                         [](const auto& instance) {
                           return std::string(boost::describe::enum_to_string(instance.param, "?"));
                         });

TEST_P(Contract, TheHostsNicsAreThere) {
  EXPECT_EQ(network->backend(), GetParam());
  const auto nics = network->nics();
  ASSERT_EQ(nics.size(), 2u);
  EXPECT_EQ(nics[0].device, "eth0");
  EXPECT_TRUE(nics[0].management);
  EXPECT_TRUE(nics[0].carrier);
  EXPECT_EQ(nics[0].gateway, "192.0.2.1");
  EXPECT_EQ(nics[0].addresses.at(0), "192.0.2.10/24");
  EXPECT_EQ(nics[1].device, "eth1");
  EXPECT_FALSE(nics[1].management);
  EXPECT_TRUE(nics[1].physical);
  EXPECT_EQ(network->nic_stats().size(), 2u);
}

TEST_P(Contract, ANetworkIsMadeOnceAndFound) {
  EXPECT_TRUE(network->networks().empty());
  const NetworkState made = network->ensure_network(spec("", "eth1"));
  EXPECT_TRUE(made.up);
  EXPECT_EQ(made.backend, GetParam());
  EXPECT_EQ(made.spec.bridge, "xapi0");
  const NetworkState again = network->ensure_network(spec("", "eth1"));
  EXPECT_EQ(again.spec.bridge, "xapi0");
  ASSERT_EQ(network->networks().size(), 1u);
  EXPECT_EQ(network->networks()[0].spec.uplink, "eth1");
  NetworkSpec second = spec("");
  second.uuid = other_uuid;
  EXPECT_EQ(network->ensure_network(second).spec.bridge, "xapi1");
  second.uuid = "bbbbbbbb-2222-4333-8444-555555555555";
  second.bridge = "xenbr7";
  EXPECT_EQ(network->ensure_network(second).spec.bridge, "xenbr7");
}

TEST_P(Contract, NetworksThatCannotBeAreRefused) {
  const auto refused = [&](const std::function<void(NetworkSpec&)>& spoil) {
    NetworkSpec bad = spec("xapi5");
    spoil(bad);
    return failure_of([&] { network->ensure_network(bad); });
  };
  EXPECT_EQ(refused([](NetworkSpec& s) { s.uuid = "x"; }), "INVALID_VALUE uuid x");
  EXPECT_EQ(refused([](NetworkSpec& s) { s.mtu = 10; }), "INVALID_VALUE mtu 10");
  EXPECT_EQ(refused([](NetworkSpec& s) { s.bridge = "sixteen-letters-"; }),
            "INVALID_VALUE bridge sixteen-letters-");
  EXPECT_EQ(refused([](NetworkSpec& s) { s.uplink = "a/b"; }), "INVALID_VALUE uplink a/b");
  EXPECT_TRUE(network->networks().empty());

  network->ensure_network(spec("xapi5", "eth1"));
  EXPECT_EQ(refused([&](NetworkSpec& s) { s.uuid = other_uuid; }), "BRIDGE_NAME_EXISTS xapi5");
  EXPECT_EQ(refused([&](NetworkSpec& s) {
              s.uuid = other_uuid;
              s.bridge = "xapi6";
              s.uplink = "eth1";
            }).substr(0, 28),
            "PIF_CONFIGURATION_ERROR eth1");
  EXPECT_EQ(network->networks().size(), 1u);
}

TEST_P(Contract, PortsAreReservedOnceAndKeepTheirName) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1")).spec;
  PortSpec wanted = port(1, net);
  wanted.mac = "02:00:00:00:AA:01";
  const PortBacking first = network->add_port(wanted);
  EXPECT_EQ(first.backend, GetParam());
  EXPECT_EQ(first.bridge, "xenbr1");
  EXPECT_EQ(first.mtu, 1500);
  EXPECT_EQ(first.host_device, GetParam() == Backend::user ? "" : "tap00000001");
  EXPECT_EQ(network->add_port(wanted).host_device, first.host_device);
  wanted.mtu = 1400;
  EXPECT_EQ(network->add_port(wanted).mtu, 1400);
  EXPECT_EQ(network->add_port(wanted).host_device, first.host_device);
  ASSERT_EQ(network->ports().size(), 1u);
  EXPECT_EQ(network->ports()[0].mac, "02:00:00:00:aa:01");
  EXPECT_EQ(network->networks()[0].ports, (std::vector<std::string>{wanted.uuid}));
  network->remove_port(wanted.uuid);
  network->remove_port(wanted.uuid);
  EXPECT_TRUE(network->ports().empty());
}

TEST_P(Contract, PortsThatCannotBeAreRefused) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1")).spec;
  const auto refused = [&](const std::function<void(PortSpec&)>& spoil) {
    PortSpec bad = port(1, net);
    spoil(bad);
    return failure_of([&] { network->add_port(bad); });
  };
  EXPECT_EQ(refused([](PortSpec& p) { p.uuid = "x"; }), "INVALID_VALUE uuid x");
  EXPECT_EQ(refused([&](PortSpec& p) { p.network = other_uuid; }),
            "HANDLE_INVALID network " + other_uuid);
  EXPECT_EQ(refused([](PortSpec& p) { p.mac = "01:00:00:00:00:01"; }),
            "MAC_INVALID 01:00:00:00:00:01");
  EXPECT_EQ(refused([](PortSpec& p) { p.mtu = 70000; }), "INVALID_VALUE mtu 70000");
  EXPECT_EQ(refused([](PortSpec& p) { p.rate_kbytes_per_s = -1; }), "INVALID_VALUE rate -1");
  EXPECT_EQ(refused([](PortSpec& p) { p.vlan = 4095; }), "INVALID_VALUE vlan 4095");
  if (GetParam() != Backend::openvswitch) {
    EXPECT_EQ(refused([](PortSpec& p) { p.vlan = 7; }).substr(0, 15), "NOT_IMPLEMENTED");
  }
  EXPECT_TRUE(network->ports().empty());
  EXPECT_EQ(failure_of([&] { network->activate_port(other_uuid); }),
            "HANDLE_INVALID VIF " + other_uuid);
}

TEST_P(Contract, ANetworkGoesOnlyWhenItsPortsAreGone) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  const PortSpec wanted = port(1, net);
  network->add_port(wanted);
  EXPECT_EQ(failure_of([&] { network->remove_network(net.uuid); }),
            "NETWORK_CONTAINS_VIF " + wanted.uuid);
  network->remove_port(wanted.uuid);
  network->remove_network(net.uuid);
  EXPECT_TRUE(network->networks().empty());
  network->remove_network(net.uuid);
  EXPECT_EQ(network->nics()[1].bridge, "");
}

TEST_P(Contract, EverythingIsThereAfterARestart) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  const PortBacking backing = network->add_port(port(1, net));
  const std::string epoch = network->events("", 0, std::chrono::milliseconds(0)).epoch;
  restart();
  EXPECT_TRUE(network->warnings().empty());
  ASSERT_EQ(network->networks().size(), 1u);
  EXPECT_TRUE(network->networks()[0].up);
  EXPECT_EQ(network->networks()[0].spec.bridge, "xenbr1");
  EXPECT_EQ(network->add_port(port(1, net)).host_device, backing.host_device);
  const EventBatch batch = network->events(epoch, 0, std::chrono::milliseconds(0));
  EXPECT_NE(batch.epoch, epoch);
  ASSERT_EQ(batch.events.size(), 1u);
  EXPECT_EQ(batch.events[0].device, "");
}

TEST_P(Contract, AStateHasOneOwner) {
  EXPECT_EQ(code_of([&] { make(GetParam()); }), "INTERNAL_ERROR");
}

TEST_P(Contract, WhatCannotBeWrittenDownIsNotDone) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1")).spec;
  network->add_port(port(1, net));
  std::filesystem::rename(directory.path("state"), directory.path("away"));
  NetworkSpec second = spec("xenbr2", "eth1");
  second.uuid = other_uuid;
  EXPECT_EQ(code_of([&] { network->ensure_network(second); }), "INTERNAL_ERROR");
  EXPECT_EQ(code_of([&] { network->add_port(port(2, net)); }), "INTERNAL_ERROR");
  EXPECT_EQ(code_of([&] { network->remove_port(port(1, net).uuid); }), "INTERNAL_ERROR");
  EXPECT_EQ(network->networks().size(), 1u);
  EXPECT_EQ(network->ports().size(), 1u);
  EXPECT_EQ(network->nics()[1].bridge, "");
  EXPECT_FALSE(host->find("xenbr2"));
  std::filesystem::rename(directory.path("away"), directory.path("state"));
  network->ensure_network(second);
  network->remove_port(port(1, net).uuid);
  restart();
  EXPECT_EQ(network->networks().size(), 2u);
  EXPECT_TRUE(network->ports().empty());
}

TEST_P(Contract, AStormOfPortsIsDurableAndQuick) {
  constexpr int count = 300;
  constexpr int callers = 32;
  const NetworkSpec net = network->ensure_network(spec("xenbr1")).spec;
  std::atomic<int> next{0};
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < callers; ++t)
    threads.emplace_back([&] {
      for (int i; (i = next++) < count;) {
        network->ensure_network(spec("xenbr1"));
        network->add_port(port(i, net));
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("storm_ms", std::to_string(took / std::chrono::milliseconds(1)));
  EXPECT_LT(took, std::chrono::seconds(20));
  std::set<std::string> names;
  restart();
  EXPECT_EQ(network->ports().size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) names.insert(network->add_port(port(i, net)).host_device);
  EXPECT_EQ(names.size(), GetParam() == Backend::user ? 1u : static_cast<std::size_t>(count));
}

TEST(Backends, OpenVswitchThatIsNotRunningIsNamed) {
  const TemporaryDirectory directory;
  NetworkSettings settings;
  settings.state_dir = directory.path("state");
  settings.backend = Backend::openvswitch;
  settings.ovs.socket = directory.path("db.sock");
  settings.ovs.patience = std::chrono::milliseconds(100);
  const std::string failure = failure_of([&] { LocalNetwork network(settings); });
  EXPECT_NE(failure.find("Open vSwitch is not running"), std::string::npos) << failure;
  EXPECT_NE(failure.find(settings.ovs.socket), std::string::npos) << failure;
}

}  // namespace
}  // namespace xcp::network
