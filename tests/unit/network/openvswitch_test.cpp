// SPDX-License-Identifier: GPL-2.0-or-later
// What only Open vSwitch has: programs of its own that die, a database that others write to, VLANs.
#include <algorithm>
#include <sstream>

#include "ovs-integration/openvswitch/database.hpp"
#include "switches.hpp"

namespace xcp::network {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds soon(5000);

class OverOpenVswitch : public SwitchTest {
 protected:
  // Until `so`, woken by the daemon's events, each of which may be the one.
  bool wait_until(const std::function<bool()>& so) {
    EventBatch seen = network->events("", 0, milliseconds(0));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    while (!so() && std::chrono::steady_clock::now() < deadline)
      seen = network->events(seen.epoch, seen.last, milliseconds(500));
    return so();
  }
  bool all_up() {
    const auto networks = network->networks();
    return std::all_of(networks.begin(), networks.end(), [](const auto& each) { return each.up; });
  }
  // A bridge, its ports and their interfaces as ovs-vsctl lists them, without what counts and
  // measures.
  std::string configuration(const std::string& bridge, const std::string& ports) const {
    std::istringstream all(
        ovs->vsctl("list bridge " + bridge) + ovs->vsctl("list port " + ports) +
        ovs->vsctl("--columns=_uuid,name,type,mac,mtu_request,options,external_ids,ofport,"
                   "ingress_policing_rate,error,other_config list interface " +
                   ports));
    std::string kept;
    for (std::string line; std::getline(all, line);)
      if (!line.starts_with("status ") && !line.starts_with("statistics ")) kept += line + "\n";
    return kept;
  }
};
INSTANTIATE_TEST_SUITE_P(Over, OverOpenVswitch, testing::Values(Backend::openvswitch),
                         name_of_backend);

TEST_P(OverOpenVswitch, AForeignBridgeStaysAsItIs) {
  sh("ip link add eth2 type veth peer name wire2");
  ovs->vsctl(
      "add-br theirs -- set bridge theirs datapath_type=netdev other_config:a=b stp_enable=true "
      "external_ids:owner=them -- add-port theirs eth2 tag=7");
  ovs->vsctl("add-port theirs tap00000009 -- set interface tap00000009 type=internal");
  const std::string before = configuration("theirs", "theirs eth2 tap00000009");
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  EXPECT_EQ(failure_of([&] { network->ensure_network(spec("theirs")); }),
            "BRIDGE_NAME_EXISTS theirs");
  NetworkSpec second = spec("xenbr2", "eth2");
  second.uuid = other_uuid;
  EXPECT_NE(failure_of([&] { network->ensure_network(second); }).find("port of theirs"),
            std::string::npos);
  const PortBacking backing = network->add_port(port(1, net));
  const Tap tap(backing.host_device);
  network->activate_port(port(1, net).uuid);
  // A port that by its name could be ours.
  network->add_port(port(9, net));
  EXPECT_EQ(code_of([&] { network->activate_port(port(9, net).uuid); }), "INTERNAL_ERROR");
  restart();
  network->remove_port(port(1, net).uuid);
  network->remove_port(port(9, net).uuid);
  network->ensure_network(spec("xenbr9", "eth1"));
  EXPECT_EQ(configuration("theirs", "theirs eth2 tap00000009"), before);
}

TEST_P(OverOpenVswitch, ADatabaseThatIsKilledIsFoundAgain) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  ovs->kill_database();
  // What is so already needs no database, nor does looking.
  EXPECT_TRUE(network->ensure_network(net).up);
  EXPECT_EQ(network->nics()[1].bridge, "xenbr1");
  NetworkSpec second = spec("xenbr2");
  second.uuid = other_uuid;
  const std::string failure = failure_of([&] { network->ensure_network(second); });
  EXPECT_NE(failure.find("Open vSwitch is not running"), std::string::npos) << failure;
  EXPECT_EQ(network->networks().size(), 1u);
  ovs->start_database();
  EXPECT_TRUE(network->ensure_network(second).up);
  EXPECT_EQ(mark_of_bridge("xenbr2"), other_uuid);
  // And its changes are seen again.
  ovs->vsctl("del-port xenbr1 eth1");
  EXPECT_TRUE(wait_until([&] { return bridge_of("eth1") == "xenbr1"; }));
}

TEST_P(OverOpenVswitch, AVswitchdThatIsKilledIsWaitedForAndComesBack) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  Tap one(network->add_port(port(1, net)).host_device);
  network->activate_port(port(1, net).uuid);
  ovs->kill_vswitchd();
  NetworkSpec second = spec("xenbr2");
  second.uuid = other_uuid;
  const std::string failure = failure_of([&] { network->ensure_network(second); });
  EXPECT_NE(failure.find("ovs-vswitchd"), std::string::npos) << failure;
  EXPECT_EQ(network->networks().size(), 1u);
  EXPECT_EQ(ovs->vsctl_at_once("list-br"), "xenbr1\n") << "half of it stayed";
  ovs->start_vswitchd();
  EXPECT_TRUE(network->ensure_network(second).up);
  EXPECT_TRUE(wait_until([&] { return all_up(); }));
  Wire wire("wire1");
  one.send(broadcast_frame("hello"));
  EXPECT_EQ(wire.receive(soon).substr(0, 5), "hello");
}

TEST_P(OverOpenVswitch, ChangesOfOthersAreSeenWithinASecondAndMended) {
  network->ensure_network(spec("xenbr1", "eth1"));
  NetworkSpec second = spec("xenbr2");
  second.uuid = other_uuid;
  network->ensure_network(second);
  for (const std::string change : {"del-port xenbr1 eth1", "del-br xenbr1", "del-br xenbr2"}) {
    SCOPED_TRACE(change);
    // Until nothing is left of what was before.
    EventBatch seen = network->events("", 0, milliseconds(0));
    for (std::uint64_t last = 0; last != seen.last;) {
      last = seen.last;
      seen = network->events(seen.epoch, seen.last, milliseconds(300));
    }
    const auto began = std::chrono::steady_clock::now();
    ovs->vsctl_at_once(change);
    EXPECT_FALSE(network->events(seen.epoch, seen.last, soon).events.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
    EXPECT_TRUE(wait_until([&] { return all_up() && bridge_of("eth1") == "xenbr1"; }));
  }
}

TEST_P(OverOpenVswitch, AnAccessPortIsInItsVlanAlone) {
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  std::vector<std::unique_ptr<Tap>> taps;
  for (int number = 1; number <= 3; ++number) {
    PortSpec wanted = port(number, net);
    wanted.vlan = number == 3 ? 43 : 42;
    taps.push_back(std::make_unique<Tap>(network->add_port(wanted).host_device));
    network->activate_port(wanted.uuid);
  }
  taps[0]->send(broadcast_frame("hello"));
  EXPECT_EQ(taps[1]->receive(test_ether_type, soon).substr(0, 5), "hello");
  EXPECT_EQ(taps[2]->receive(test_ether_type, milliseconds(100)), "");
  PortSpec moved = port(3, net);
  moved.vlan = 42;
  network->add_port(moved);
  network->activate_port(moved.uuid);
  // Flows that ovs-vswitchd remembers are looked over soon, not at once.
  const auto deadline = std::chrono::steady_clock::now() + soon;
  std::string heard;
  while (heard.empty() && std::chrono::steady_clock::now() < deadline) {
    taps[0]->send(broadcast_frame("again"));
    heard = taps[2]->receive(test_ether_type, milliseconds(100));
  }
  EXPECT_EQ(heard.substr(0, 5), "again");
}

TEST_P(OverOpenVswitch, ADatapathThatIsNotThereIsAClearRefusal) {
  network.reset();
  NetworkSettings other = settings(GetParam());
  other.ovs.datapath_type = "system";  // which the ovs-vswitchd of these tests does not have
  network = std::make_unique<LocalNetwork>(other);
  const std::string failure = failure_of([&] { network->ensure_network(spec("xenbr1")); });
  EXPECT_NE(failure.find("Open vSwitch cannot use xenbr1"), std::string::npos) << failure;
  EXPECT_EQ(ovs->vsctl("list-br"), "");
}

TEST_P(OverOpenVswitch, OfTwoWhoSawTheSameOneMustLookAgain) {
  ovsdb::Database database(ovs->socket(), "Open_vSwitch", {{"Open_vSwitch", {"next_cfg"}}}, soon);
  const auto root = [&] { return *database.tables()->at("Open_vSwitch").begin(); };
  const auto next = [&] { return root().second.at("next_cfg").to_number<std::int64_t>(); };
  const std::int64_t seen = next();
  const ovsdb::json::array where{
      ovsdb::json::array{"_uuid", "==", ovsdb::json::array{"uuid", root().first}}};
  const ovsdb::json::array operations{
      ovsdb::json::object{{"op", "wait"},
                          {"timeout", 0},
                          {"table", "Open_vSwitch"},
                          {"where", where},
                          {"columns", ovsdb::json::array{"next_cfg"}},
                          {"until", "=="},
                          {"rows", ovsdb::json::array{ovsdb::json::object{{"next_cfg", seen}}}}},
      ovsdb::json::object{{"op", "update"},
                          {"table", "Open_vSwitch"},
                          {"where", where},
                          {"row", ovsdb::json::object{{"next_cfg", seen + 1}}}}};
  EXPECT_EQ(database.transact(operations).outcome, ovsdb::Outcome::done);
  EXPECT_EQ(next(), seen + 1) << "the copy is behind the answer";
  EXPECT_EQ(database.transact(operations).outcome, ovsdb::Outcome::conflict);
  EXPECT_EQ(code_of([&] {
              database.transact({ovsdb::json::object{{"op", "nonsense"}}});
            }),
            "INTERNAL_ERROR");
  ovs->kill_database();
  EXPECT_NE(failure_of([&] {
              database.wait_until([](const auto&) { return false; }, milliseconds(50));
              database.transact(operations);
            }).find("not running"),
            std::string::npos);
}

}  // namespace
}  // namespace xcp::network
