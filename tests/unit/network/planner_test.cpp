// SPDX-License-Identifier: GPL-2.0-or-later
// The transactions that lead from what Open vSwitch's database holds to what is wanted, as golden
// files in tests/golden/ovsdb/, an operation a line. XCP_REWRITE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>

#include "base/fd.hpp"
#include "ovs-integration/openvswitch/planner.hpp"
#include "temporary_directory.hpp"

namespace xcp::network::ovsdb {
namespace {

void expect_golden(const std::string& name, const json::array& operations) {
  std::string actual;
  for (const json::value& operation : operations) actual += json::serialize(operation) + "\n";
  const std::string path = std::string(XCP_SOURCE_DIR) + "/tests/golden/ovsdb/" + name;
  if (std::getenv("XCP_REWRITE_GOLDEN") != nullptr) {
    write_file_durably(path, actual);
    return;
  }
  EXPECT_EQ(actual, read_file(path).value_or("")) << path;
}

class Planner : public testing::Test {
 protected:
  Planner() {
    held.root = "root";
    held.wanted_config = held.reached_config = 7;
  }

  // A bridge as the planner makes one, or somebody else's when `network_uuid` is empty.
  BridgeRow& add_bridge(const std::string& name, const std::string& network_uuid) {
    BridgeRow& row = held.bridge[name + "-bridge"];
    row.uuid = name + "-bridge";
    row.name = name;
    if (!network_uuid.empty()) {
      row.datapath_type = "system";
      row.fail_mode = "standalone";
      row.external_ids[network_mark] = network_uuid;
      row.other_config["hwaddr"] = "02:00:00:00:00:01";
    }
    held.bridges.insert(row.uuid);
    add_port(name, name);
    InterfaceRow& local = held.interface[name + "-interface"];
    local.type = "internal";
    local.mtu_request = 1500;
    return row;
  }
  PortRow& add_port(const std::string& bridge, const std::string& name) {
    held.interface[name + "-interface"] = {name + "-interface", name, "", {}, 0, 0, 1, ""};
    PortRow& row = held.port[name + "-port"];
    row = {name + "-port", name, {name + "-interface"}, {}, {}};
    held.bridge[bridge + "-bridge"].ports.insert(row.uuid);
    return row;
  }
  WantedBridge bridge(const std::string& uplink = {}) const {
    return {network, "xenbr1", "02:00:00:00:00:01", 1500, "system", uplink};
  }
  WantedPort guest() const { return {vif, "tap1", "xenbr1", network, {}, 1500, 0}; }

  const std::string network = "11111111-2222-4333-8444-555555555555";
  const std::string other = "aaaaaaaa-2222-4333-8444-555555555555";
  const std::string vif = "00000001-0000-4000-8000-000000000000";
  Held held;
};

TEST_F(Planner, MakesABridge) {
  expect_golden("make-internal", plan_bridge(held, bridge()));
  expect_golden("make-with-uplink", plan_bridge(held, bridge("eth1")));
}

TEST_F(Planner, LeavesWhatIsRight) {
  add_bridge("xenbr1", network);
  add_port("xenbr1", "eth1").external_ids[network_mark] = network;
  EXPECT_TRUE(plan_bridge(held, bridge("eth1")).empty());
  add_port("xenbr1", "tap1").external_ids[vif_mark] = vif;
  held.interface["tap1-interface"].mtu_request = 1500;
  EXPECT_TRUE(plan_port(held, guest()).empty());
  EXPECT_FALSE(plan_another_look(held).empty());
  // An administrator's controller, and what else they wrote there.
  held.bridge["xenbr1-bridge"].fail_mode = "secure";
  held.bridge["xenbr1-bridge"].other_config["mac-aging-time"] = "60";
  held.bridge["xenbr1-bridge"].external_ids["theirs"] = "1";
  EXPECT_TRUE(plan_bridge(held, bridge("eth1")).empty());
}

TEST_F(Planner, MendsABridge) {
  BridgeRow& row = add_bridge("xenbr1", network);
  row.stp = row.rstp = true;
  row.fail_mode.clear();
  row.datapath_type = "netdev";
  row.other_config = {{"mac-aging-time", "60"}};
  WantedBridge wanted = bridge();
  wanted.mtu = 9000;
  expect_golden("mend", plan_bridge(held, wanted));
}

TEST_F(Planner, ExchangesTheUplinkAndKeepsOtherPorts) {
  add_bridge("xenbr1", network);
  add_port("xenbr1", "eth1").external_ids[network_mark] = network;
  add_port("xenbr1", "tap1").external_ids[vif_mark] = vif;
  add_port("xenbr1", "theirs");
  expect_golden("other-uplink", plan_bridge(held, bridge("eth2")));
  expect_golden("no-uplink", plan_bridge(held, bridge()));
}

TEST_F(Planner, MovesToAnotherNameAtOnce) {
  add_bridge("xenbr1", network);
  add_port("xenbr1", "eth1").external_ids[network_mark] = network;
  WantedBridge wanted = bridge("eth1");
  wanted.name = "xenbr9";
  expect_golden("rename", plan_bridge(held, wanted));
  add_port("xenbr1", "tap1").external_ids[vif_mark] = vif;
  EXPECT_EQ(failure_of([&] { plan_bridge(held, wanted); }),
            "INTERNAL_ERROR tap1 is still a port of the bridge xenbr1");
}

TEST_F(Planner, LeavesOtherPeoplesRowsAlone) {
  add_bridge("xenbr1", {});
  add_port("xenbr1", "eth1");
  EXPECT_EQ(failure_of([&] { plan_bridge(held, bridge()); }), "BRIDGE_NAME_EXISTS xenbr1");
  EXPECT_TRUE(plan_removal(held, network, "xenbr1", "eth1").empty());
  EXPECT_TRUE(plan_port_removal(held, vif, "eth1").empty());
  EXPECT_EQ(code_of([&] { plan_port(held, guest()); }), "INTERNAL_ERROR");
  WantedBridge wanted = bridge("eth1");
  wanted.name = "xenbr2";
  EXPECT_EQ(failure_of([&] { plan_bridge(held, wanted); }),
            "PIF_CONFIGURATION_ERROR eth1 eth1 is a port of xenbr1");
  wanted = bridge();
  wanted.name = "eth1";
  EXPECT_EQ(failure_of([&] { plan_bridge(held, wanted); }), "BRIDGE_NAME_EXISTS eth1");
  // Nor those of another network of ours.
  held.bridge["xenbr1-bridge"].external_ids[network_mark] = other;
  EXPECT_EQ(code_of([&] { plan_bridge(held, bridge()); }), "BRIDGE_NAME_EXISTS");
  EXPECT_TRUE(plan_removal(held, network, "xenbr1", "eth1").empty());
}

TEST_F(Planner, RemovesABridgeThatNobodyUses) {
  add_bridge("xenbr1", network);
  add_port("xenbr1", "eth1").external_ids[network_mark] = network;
  expect_golden("remove", plan_removal(held, network, "xenbr1", "eth1"));
  EXPECT_TRUE(plan_removal(held, network, "xenbr2", "eth1").empty());
  add_port("xenbr1", "theirs");
  EXPECT_EQ(failure_of([&] { plan_removal(held, network, "xenbr1", "eth1"); }),
            "INTERNAL_ERROR theirs is still a port of the bridge xenbr1");
}

TEST_F(Planner, PortsOfGuests) {
  add_bridge("xenbr1", network);
  WantedPort wanted = guest();
  expect_golden("port-plain", plan_port(held, wanted));
  wanted.tag = 42;
  wanted.mtu = 1400;
  wanted.rate_kbytes_per_s = 1000;
  expect_golden("port-tagged", plan_port(held, wanted));
  // As the hypervisor leaves it, and changed by hand.
  add_port("xenbr1", "tap1").external_ids["attached"] = "by the hypervisor";
  expect_golden("port-mend", plan_port(held, wanted));
  held.port["tap1-port"].tag = 42;
  expect_golden("port-untag", plan_port(held, guest()));
  expect_golden("port-remove", plan_port_removal(held, vif, "tap1"));
  add_bridge("xenbr2", other);
  wanted.network = other;
  wanted.bridge = "xenbr2";
  EXPECT_EQ(failure_of([&] { plan_port(held, wanted); }),
            "INTERNAL_ERROR tap1 is a port of xenbr1, not of xenbr2");
}

TEST(Rows, WhatTheDatabaseSaysIsRead) {
  const auto row = [](const char* text) { return json::parse(text).as_object(); };
  Tables tables;
  tables["Open_vSwitch"]["r"] = row(R"({"bridges":["uuid","b"],"next_cfg":3,"cur_cfg":2})");
  tables["Bridge"]["b"] = row(
      R"({"name":"br0","datapath_type":"","fail_mode":["set",[]],"stp_enable":false,
          "rstp_enable":true,"ports":["set",[["uuid","p"],["uuid","q"]]],
          "external_ids":["map",[["k","v"]]],"other_config":["map",[]]})");
  tables["Port"]["p"] =
      row(R"({"name":"br0","interfaces":["uuid","i"],"tag":9,"external_ids":["map",[]]})");
  tables["Interface"]["i"] = row(
      R"({"name":"br0","type":"internal","mtu_request":["set",[]],"ingress_policing_rate":8,
          "ingress_policing_burst":0,"ofport":65534,"error":["set",[]]})");
  const Held held = held_in(tables);
  EXPECT_EQ(held.root, "r");
  EXPECT_EQ(held.reached_config, 2);
  const BridgeRow* bridge = held.bridge_of_device("br0");
  ASSERT_NE(bridge, nullptr);
  EXPECT_EQ(bridge->ports, (std::set<std::string>{"p", "q"}));
  EXPECT_EQ(bridge->fail_mode, "");
  EXPECT_TRUE(bridge->rstp);
  EXPECT_EQ(bridge->external_ids.at("k"), "v");
  EXPECT_EQ(held.port.at("p").tag, 9);
  EXPECT_FALSE(held.interface.at("i").mtu_request);
  EXPECT_EQ(held.interface.at("i").policing_kbit_per_s, 8);
  tables["Port"]["p"].erase("tag");
  EXPECT_EQ(code_of([&] { held_in(tables); }), "INTERNAL_ERROR");
  EXPECT_EQ(code_of([&] { held_in({}); }), "INTERNAL_ERROR");
}

}  // namespace
}  // namespace xcp::network::ovsdb
