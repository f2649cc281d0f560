// SPDX-License-Identifier: GPL-2.0-or-later
// Networks and PIFs.
#include "world.hpp"

namespace xcp::xapi::test {

using model::network;
using model::PIF;

namespace {

std::optional<xcp::network::NetworkState> daemon_network(World& world,
                                                         const Ref<model::network>& ref) {
  for (const xcp::network::NetworkState& state : world.network().networks())
    if (state.spec.uuid == world.get(ref, network::uuid)) return state;
  return std::nullopt;
}

Ref<PIF> pif_of(World& world, const std::string& device) {
  for (const auto& pif : world.view().all<PIF>())
    if (pif[PIF::device] == device) return pif.ref();
  ADD_FAILURE() << "no PIF " << device;
  return {};
}

std::string create(World& world, const std::function<void(model::RecordValue&)>& edit) {
  auto record = full_record<model::network>();
  edit(record);
  return world.failure_of("network.create", {record});
}

TEST(Network, GetsABridgeName) {
  World world;
  EXPECT_EQ(world.get(world.make_network("a"), network::bridge), "xapi0");
  EXPECT_EQ(world.get(world.make_network("b"), network::bridge), "xapi1");
  EXPECT_EQ(create(world, [](auto& r) { r.set(network::bridge, "xapi1"); }), "BRIDGE_NAME_EXISTS");
  EXPECT_EQ(create(world, [](auto& r) { r.set(network::bridge, "a-name-that-is-too-long"); }),
            "VALUE_NOT_SUPPORTED");
  EXPECT_EQ(create(world, [](auto& r) { r.set(network::bridge, "a/b"); }), "VALUE_NOT_SUPPORTED");
  EXPECT_EQ(create(world, [](auto& r) { r.set(network::MTU, 12); }), "VALUE_NOT_SUPPORTED");
  EXPECT_EQ(create(world, [](auto& r) { r.set(network::managed, false); }), "NOT_IMPLEMENTED");
}

TEST(Network, IsThereForItsFirstGuestAndGoesWhenDestroyed) {
  World world;
  const auto net = world.make_network();
  EXPECT_FALSE(daemon_network(world, net));
  const auto vm = world.make_vm();
  const auto vif = world.make_vif(vm, net);
  world.call("VM.start", {vm.str(), false, false});
  ASSERT_TRUE(daemon_network(world, net));
  EXPECT_EQ(daemon_network(world, net)->spec.bridge, "xapi0");
  EXPECT_EQ(world.failure_of("network.destroy", {net.str()}), "NETWORK_CONTAINS_VIF");
  world.call("VM.hard_shutdown", {vm.str()});
  world.call("VIF.destroy", {vif.str()});
  world.call("network.destroy", {net.str()});
  EXPECT_FALSE(world.view().find(net));
  EXPECT_TRUE(world.network().networks().empty());
}

TEST(Network, OfACardHasItAsUplink) {
  World world;
  const Ref<PIF> pif = pif_of(world, "eth1");
  const auto net = world.get(pif, PIF::network);
  EXPECT_EQ(world.failure_of("network.destroy", {net.str()}), "NETWORK_CONTAINS_PIF");
  world.call("network.attach", {net.str(), world.services().host.str()});
  ASSERT_TRUE(daemon_network(world, net));
  EXPECT_EQ(daemon_network(world, net)->spec.uplink, "eth1");
}

TEST(Network, SettingsThatNobodyEnforcesAreRefused) {
  World world;
  const auto net = world.make_network();
  EXPECT_EQ(world.failure_of("network.set_default_locking_mode", {net.str(), "disabled"}),
            "NOT_IMPLEMENTED");
  world.call("network.set_default_locking_mode", {net.str(), "unlocked"});
  world.call("network.add_purpose", {net.str(), "nbd"});
  world.call("network.add_purpose", {net.str(), "nbd"});
  const auto other = world.make_network("other");
  EXPECT_EQ(world.failure_of("network.add_purpose", {other.str(), "insecure_nbd"}),
            "NETWORK_INCOMPATIBLE_PURPOSES");
  world.call("network.remove_purpose", {net.str(), "nbd"});
  EXPECT_TRUE(world.get(net, network::purpose).empty());
}

TEST(Pif, IsForgottenAndFoundAgain) {
  World world;
  const std::string host = world.services().host.str();
  const Ref<PIF> pif = pif_of(world, "eth1");
  const std::string mac = world.get(pif, PIF::MAC);
  EXPECT_EQ(world.failure_of("PIF.introduce", {host, mac, "eth1", true}),
            "DUPLICATE_PIF_DEVICE_NAME");
  world.call("PIF.forget", {pif.str()});
  EXPECT_FALSE(world.view().find(pif));
  EXPECT_EQ(world.failure_of("PIF.introduce", {host, "", "eth9", true}),
            "COULD_NOT_FIND_NETWORK_INTERFACE_WITH_SPECIFIED_DEVICE_NAME_AND_MAC_ADDRESS");
  const auto again = world.call_ref<PIF>("PIF.introduce", {host, mac, "eth1", true});
  EXPECT_EQ(world.get(again, PIF::device), "eth1");
  world.call("PIF.forget", {again.str()});
  world.call("PIF.scan", {host});
  pif_of(world, "eth1");
}

TEST(Pif, IsTakenOutOfItsBridge) {
  World world;
  const Ref<PIF> pif = pif_of(world, "eth1");
  const auto net = world.get(pif, PIF::network);
  world.call("network.attach", {net.str(), world.services().host.str()});
  world.call("PIF.set_disallow_unplug", {pif.str(), true});
  EXPECT_EQ(world.failure_of("PIF.unplug", {pif.str()}), "PIF_DOES_NOT_ALLOW_UNPLUG");
  world.call("PIF.set_disallow_unplug", {pif.str(), false});
  const auto vm = world.make_vm();
  world.make_vif(vm, net);
  world.call("VM.start", {vm.str(), false, false});
  EXPECT_EQ(world.failure_of("PIF.unplug", {pif.str()}), "VIF_IN_USE");
  world.call("VM.hard_shutdown", {vm.str()});
  world.call("PIF.unplug", {pif.str()});
  EXPECT_FALSE(world.get(pif, PIF::currently_attached));
  EXPECT_EQ(daemon_network(world, net)->spec.uplink, "");
  // A guest that starts now is on a network without the card.
  world.call("VM.start", {vm.str(), false, false});
  EXPECT_EQ(daemon_network(world, net)->spec.uplink, "");
  world.call("PIF.plug", {pif.str()});
  EXPECT_TRUE(world.get(pif, PIF::currently_attached));
  EXPECT_EQ(daemon_network(world, net)->spec.uplink, "eth1");
}

}  // namespace
}  // namespace xcp::xapi::test
