// SPDX-License-Identifier: GPL-2.0-or-later
// From what Open vSwitch's database holds and what is wanted to one transaction that leads there.
// Pure. An answer without operations: it is so already.
//
// Always: rows that do not bear our mark, and ports of guests other than the one that is asked for,
// are not changed or removed; each row that is changed, or that a decision rests on, is waited for
// as it was seen, so that a change of somebody else in between makes the transaction fail.
#pragma once

#include <boost/json/array.hpp>
#include <optional>
#include <string>

#include "ovs-integration/openvswitch/rows.hpp"

namespace xcp::network::ovsdb {

// Keys of external_ids that make a bridge or its uplink's port (a network's uuid), and a guest's
// port (a VIF's uuid) ours.
constexpr const char* network_mark = "xcp-network";
constexpr const char* vif_mark = "xcp-vif";

// The network's or the VIF's uuid; nullopt for what is not ours.
std::optional<std::string> marked_with(const Texts& external_ids, const char* mark);

struct WantedBridge {
  std::string network;  // uuid
  std::string name;
  std::string mac;
  int mtu = 1500;
  std::string datapath_type;
  std::string uplink;  // empty: none
};

struct WantedPort {
  std::string vif;  // uuid
  std::string device;
  std::string bridge;
  std::string network;     // uuid of the network that has the bridge
  std::optional<int> tag;  // VLAN it is an access port of
  int mtu = 1500;
  std::int64_t rate_kbytes_per_s = 0;  // 0: unlimited
};

// Makes or mends the network's bridge, moves its uplink, removes a bridge it had under another
// name. What an administrator set besides (a controller, fail_mode, other keys) stays.
// BRIDGE_NAME_EXISTS when the name is somebody else's, PIF_CONFIGURATION_ERROR when the uplink is,
// INTERNAL_ERROR when the bridge it had still has ports.
json::array plan_bridge(const Held& held, const WantedBridge& wanted);

// Removes the network's bridge of this name. INTERNAL_ERROR naming a port it still has, besides the
// uplink's. A bridge that is not ours, or not there, is no failure.
json::array plan_removal(const Held& held, const std::string& network, const std::string& bridge,
                         const std::string& uplink);

// Puts the device into the bridge, or mends its port there. INTERNAL_ERROR when it is a port of
// another bridge, or the bridge is not there.
json::array plan_port(const Held& held, const WantedPort& wanted);

// Takes the port out, when it bears the VIF's mark or is a port of a bridge of ours.
json::array plan_port_removal(const Held& held, const std::string& vif, const std::string& device);

// Changes nothing, but makes ovs-vswitchd look again.
json::array plan_another_look(const Held& held);

}  // namespace xcp::network::ovsdb
