// SPDX-License-Identifier: GPL-2.0-or-later
// What Open vSwitch's database holds, as far as we look at it: its rows as types. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "ovs-integration/openvswitch/database.hpp"

namespace xcp::network::ovsdb {

using Texts = std::map<std::string, std::string>;

// `uuid` is the database's name of the row.
struct InterfaceRow {
  std::string uuid, name, type;
  std::optional<std::int64_t> mtu_request;
  std::int64_t policing_kbit_per_s = 0;  // of what enters here; 0: unlimited
  std::int64_t policing_burst_kbit = 0;
  std::optional<std::int64_t> ofport;  // absent: not carried out yet; -1: could not be
  std::string error;
};

struct PortRow {
  std::string uuid, name;
  std::set<std::string> interfaces;  // uuids; two or more are a bond
  std::optional<std::int64_t> tag;   // VLAN of an access port
  Texts external_ids;
};

struct BridgeRow {
  std::string uuid, name;
  std::string datapath_type;  // "" and "system": the kernel's; "netdev": ovs-vswitchd's own
  std::string fail_mode;      // "" , "standalone", "secure"
  bool stp = false, rstp = false;
  std::set<std::string> ports;  // uuids
  Texts external_ids, other_config;
};

struct Held {
  std::string root;                 // of the one row of Open_vSwitch
  std::set<std::string> bridges;    // uuids
  std::int64_t wanted_config = 0;   // next_cfg
  std::int64_t reached_config = 0;  // cur_cfg: up to here ovs-vswitchd has carried out
  std::map<std::string, BridgeRow> bridge;
  std::map<std::string, PortRow> port;
  std::map<std::string, InterfaceRow> interface;

  // Nullptr when there is none.
  const BridgeRow* bridge_named(const std::string& name) const;
  const PortRow* port_named(const std::string& name) const;
  const InterfaceRow* interface_named(const std::string& name) const;
  const PortRow* port_with(const InterfaceRow& interface) const;
  const BridgeRow* bridge_with(const PortRow& port) const;
  // Through the bridge's port; for a device that is in none, nullptr.
  const BridgeRow* bridge_of_device(const std::string& name) const;
};

extern const Columns columns_looked_at;

// INTERNAL_ERROR for what does not have the shape of Open vSwitch's tables.
Held held_in(const Tables& tables);

}  // namespace xcp::network::ovsdb
