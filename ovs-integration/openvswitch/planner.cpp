// SPDX-License-Identifier: GPL-2.0-or-later
// See planner.hpp. Rows that nothing refers to any more are removed by the database itself, so a
// bridge goes when the root lets go of it, and its ports with it.
#include "ovs-integration/openvswitch/planner.hpp"

#include "base/failure.hpp"
#include "ovs-integration/host/uplinks.hpp"

namespace xcp::network::ovsdb {

namespace {

constexpr const char* root_table = "Open_vSwitch";
constexpr const char* hardware_address = "hwaddr";  // in a bridge's other_config
constexpr std::int64_t kbit_per_kbyte = 8;

json::array reference(const std::string& uuid) {
  return {"uuid", uuid};
}
json::array set_of(const std::set<std::string>& uuids) {
  json::array all;
  for (const std::string& uuid : uuids) all.push_back(reference(uuid));
  return {"set", std::move(all)};
}
json::array map_of(const Texts& texts) {
  json::array all;
  for (const auto& [key, value] : texts) all.push_back(json::array{key, value});
  return {"map", std::move(all)};
}
template <class T>
json::value optional_of(const std::optional<T>& value) {
  if (value) return *value;
  return json::array{"set", json::array{}};
}

class Transaction {
 public:
  explicit Transaction(const Held& held) : held_(held) {}

  void expect(const char* table, const std::string& uuid, json::object columns) {
    json::array names;
    for (const auto& [name, value] : columns) names.push_back(json::string(name));
    waits_.push_back(json::object{{"op", "wait"},
                                  {"timeout", 0},
                                  {"table", table},
                                  {"where", where(uuid)},
                                  {"columns", std::move(names)},
                                  {"until", "=="},
                                  {"rows", json::array{std::move(columns)}}});
  }
  void expect_bridges() { expect(root_table, held_.root, {{"bridges", set_of(held_.bridges)}}); }
  void expect_bridge(const BridgeRow& row) {
    expect("Bridge", row.uuid,
           {{"ports", set_of(row.ports)}, {"external_ids", map_of(row.external_ids)}});
  }
  void expect_port(const PortRow& row) {
    expect("Port", row.uuid,
           {{"interfaces", set_of(row.interfaces)}, {"external_ids", map_of(row.external_ids)}});
  }

  void update(const char* table, const std::string& uuid, json::object row) {
    if (row.empty()) return;
    changes_.push_back(json::object{
        {"op", "update"}, {"table", table}, {"where", where(uuid)}, {"row", std::move(row)}});
  }
  void mutate(const char* table, const std::string& uuid, json::array mutations) {
    if (mutations.empty()) return;
    changes_.push_back(json::object{{"op", "mutate"},
                                    {"table", table},
                                    {"where", where(uuid)},
                                    {"mutations", std::move(mutations)}});
  }
  // The new row by the name it has within the transaction.
  json::array insert(const char* table, const std::string& name, json::object row) {
    changes_.push_back(json::object{
        {"op", "insert"}, {"table", table}, {"uuid-name", name}, {"row", std::move(row)}});
    return {"named-uuid", name};
  }

  // A port of one device, both of its name.
  json::array insert_port(const std::string& name, json::object interface, json::object port) {
    const std::string label = "new" + std::to_string(++inserted_);
    interface["name"] = name;
    port["name"] = name;
    port["interfaces"] = insert("Interface", label + "_interface", std::move(interface));
    return insert("Port", label + "_port", std::move(port));
  }

  bool has_changes() const { return !changes_.empty(); }

  // ovs-vswitchd has carried it out when cur_cfg has the number that the last operation reads.
  json::array finish(const std::string& what, bool even_without_changes = false) {
    json::array all;
    if (changes_.empty() && !even_without_changes) return all;
    for (json::array* part : {&waits_, &changes_})
      for (json::value& each : *part) all.push_back(std::move(each));
    all.push_back(json::object{{"op", "mutate"},
                               {"table", root_table},
                               {"where", where(held_.root)},
                               {"mutations", json::array{json::array{"next_cfg", "+=", 1}}}});
    all.push_back(json::object{{"op", "comment"}, {"comment", "xcp-networkd: " + what}});
    all.push_back(json::object{{"op", "select"},
                               {"table", root_table},
                               {"where", where(held_.root)},
                               {"columns", json::array{"next_cfg"}}});
    return all;
  }

 private:
  static json::array where(const std::string& uuid) {
    return {json::array{"_uuid", "==", reference(uuid)}};
  }

  const Held& held_;
  json::array waits_, changes_;
  int inserted_ = 0;
};

bool has_network(const BridgeRow& bridge, const std::string& network) {
  return marked_with(bridge.external_ids, network_mark) == network;
}

void remove_bridge(Transaction& transaction, const Held& held, const BridgeRow& bridge,
                   const std::string& uplink) {
  for (const std::string& uuid : bridge.ports) {
    const auto port = held.port.find(uuid);
    if (port == held.port.end() || port->second.name == bridge.name ||
        port->second.name == uplink ||
        marked_with(port->second.external_ids, network_mark) ==
            marked_with(bridge.external_ids, network_mark))
      continue;
    throw internal_error(port->second.name + " is still a port of the bridge " + bridge.name);
  }
  transaction.expect_bridge(bridge);
  transaction.mutate(root_table, held.root,
                     {json::array{"bridges", "delete", reference(bridge.uuid)}});
}

json::array insert_uplink(Transaction& transaction, const WantedBridge& wanted) {
  return transaction.insert_port(wanted.uplink, {},
                                 {{"external_ids", map_of({{network_mark, wanted.network}})}});
}

void insert_bridge(Transaction& transaction, const Held& held, const WantedBridge& wanted) {
  transaction.expect_bridges();
  json::array ports;
  ports.push_back(transaction.insert_port(wanted.name,
                                          {{"type", "internal"}, {"mtu_request", wanted.mtu}}, {}));
  if (!wanted.uplink.empty()) ports.push_back(insert_uplink(transaction, wanted));
  json::array bridge =
      transaction.insert("Bridge", "new_bridge",
                         {{"name", wanted.name},
                          {"datapath_type", wanted.datapath_type},
                          {"fail_mode", "standalone"},
                          {"stp_enable", false},
                          {"rstp_enable", false},
                          {"ports", json::array{"set", std::move(ports)}},
                          {"other_config", map_of({{hardware_address, wanted.mac}})},
                          {"external_ids", map_of({{network_mark, wanted.network}})}});
  transaction.mutate(
      root_table, held.root,
      {json::array{"bridges", "insert", json::array{"set", json::array{std::move(bridge)}}}});
}

void mend_columns(Transaction& transaction, const Held& held, const BridgeRow& bridge,
                  const WantedBridge& wanted) {
  json::object columns;
  if (bridge.datapath_type != wanted.datapath_type) columns["datapath_type"] = wanted.datapath_type;
  // "secure" is somebody's choice, for a controller of theirs.
  if (bridge.fail_mode.empty()) columns["fail_mode"] = "standalone";
  if (bridge.stp) columns["stp_enable"] = false;
  if (bridge.rstp) columns["rstp_enable"] = false;
  const auto address = bridge.other_config.find(hardware_address);
  if (address == bridge.other_config.end() || address->second != wanted.mac) {
    Texts config = bridge.other_config;
    config[hardware_address] = wanted.mac;
    columns["other_config"] = map_of(config);
    transaction.expect("Bridge", bridge.uuid, {{"other_config", map_of(bridge.other_config)}});
  }
  transaction.update("Bridge", bridge.uuid, std::move(columns));
  const InterfaceRow* local = held.interface_named(wanted.name);
  if (local != nullptr && local->mtu_request != wanted.mtu)
    transaction.update("Interface", local->uuid, {{"mtu_request", wanted.mtu}});
}

// The uplink in, one that it had before out.
void mend_uplink(Transaction& transaction, const Held& held, const BridgeRow& bridge,
                 const WantedBridge& wanted) {
  json::array mutations;
  for (const std::string& uuid : bridge.ports) {
    const auto port = held.port.find(uuid);
    if (port == held.port.end() || port->second.name == wanted.uplink ||
        marked_with(port->second.external_ids, network_mark) != wanted.network)
      continue;
    transaction.expect_port(port->second);
    mutations.push_back(json::array{"ports", "delete", reference(uuid)});
  }
  if (!wanted.uplink.empty() && held.bridge_of_device(wanted.uplink) != &bridge)
    mutations.push_back(json::array{
        "ports", "insert", json::array{"set", json::array{insert_uplink(transaction, wanted)}}});
  transaction.mutate("Bridge", bridge.uuid, std::move(mutations));
}

}  // namespace

std::optional<std::string> marked_with(const Texts& external_ids, const char* mark) {
  const auto found = external_ids.find(mark);
  return found == external_ids.end() ? std::nullopt : std::optional(found->second);
}

json::array plan_bridge(const Held& held, const WantedBridge& wanted) {
  const BridgeRow* bridge = held.bridge_named(wanted.name);
  const bool taken = bridge != nullptr ? !has_network(*bridge, wanted.network)
                                       : held.port_named(wanted.name) != nullptr ||
                                             held.interface_named(wanted.name) != nullptr;
  if (taken) throw Failure("BRIDGE_NAME_EXISTS", {wanted.name});
  if (!wanted.uplink.empty())
    if (const BridgeRow* other = held.bridge_of_device(wanted.uplink);
        other != nullptr && !has_network(*other, wanted.network))
      throw uplink_refused(wanted.uplink, wanted.uplink + " is a port of " + other->name);

  Transaction transaction(held);
  for (const auto& [uuid, row] : held.bridge)
    if (has_network(row, wanted.network) && row.name != wanted.name)
      remove_bridge(transaction, held, row, wanted.uplink);
  if (bridge == nullptr) {
    insert_bridge(transaction, held, wanted);
  } else {
    transaction.expect_bridge(*bridge);
    mend_columns(transaction, held, *bridge, wanted);
    mend_uplink(transaction, held, *bridge, wanted);
  }
  return transaction.finish("network " + wanted.network);
}

json::array plan_removal(const Held& held, const std::string& network, const std::string& bridge,
                         const std::string& uplink) {
  const BridgeRow* row = held.bridge_named(bridge);
  Transaction transaction(held);
  if (row != nullptr && has_network(*row, network)) remove_bridge(transaction, held, *row, uplink);
  return transaction.finish("network " + network + " goes");
}

json::array plan_port(const Held& held, const WantedPort& wanted) {
  const BridgeRow* bridge = held.bridge_named(wanted.bridge);
  if (bridge == nullptr || !has_network(*bridge, wanted.network))
    throw internal_error("the bridge " + wanted.bridge + " is not there");
  const InterfaceRow* interface = held.interface_named(wanted.device);
  const PortRow* port = interface == nullptr ? nullptr : held.port_with(*interface);
  const BridgeRow* of = port == nullptr ? nullptr : held.bridge_with(*port);
  if (of != nullptr && of != bridge)
    throw internal_error(wanted.device + " is a port of " + of->name + ", not of " + bridge->name);

  const std::int64_t rate = wanted.rate_kbytes_per_s * 1024 * kbit_per_kbyte / 1000;
  const std::int64_t burst = rate / 10;  // a tenth of a second, what TCP needs to get up to speed
  Transaction transaction(held);
  transaction.expect_bridge(*bridge);
  if (port == nullptr) {
    json::object columns{{"external_ids", map_of({{vif_mark, wanted.vif}})}};
    if (wanted.tag) columns["tag"] = *wanted.tag;
    json::array made = transaction.insert_port(wanted.device,
                                               {{"mtu_request", wanted.mtu},
                                                {"ingress_policing_rate", rate},
                                                {"ingress_policing_burst", burst}},
                                               std::move(columns));
    transaction.mutate(
        "Bridge", bridge->uuid,
        {json::array{"ports", "insert", json::array{"set", json::array{std::move(made)}}}});
    return transaction.finish("VIF " + wanted.vif);
  }

  transaction.expect_port(*port);
  json::object columns;
  if (port->tag != wanted.tag) columns["tag"] = optional_of(wanted.tag);
  if (marked_with(port->external_ids, vif_mark) != wanted.vif) {
    Texts ids = port->external_ids;
    ids[vif_mark] = wanted.vif;
    columns["external_ids"] = map_of(ids);
  }
  transaction.update("Port", port->uuid, std::move(columns));
  json::object device;
  if (interface->mtu_request != wanted.mtu) device["mtu_request"] = wanted.mtu;
  if (interface->policing_kbit_per_s != rate) device["ingress_policing_rate"] = rate;
  if (interface->policing_burst_kbit != burst) device["ingress_policing_burst"] = burst;
  transaction.update("Interface", interface->uuid, std::move(device));
  return transaction.finish("VIF " + wanted.vif);
}

json::array plan_port_removal(const Held& held, const std::string& vif, const std::string& device) {
  const PortRow* port = held.port_named(device);
  const BridgeRow* bridge = port == nullptr ? nullptr : held.bridge_with(*port);
  Transaction transaction(held);
  if (bridge != nullptr && (marked_with(port->external_ids, vif_mark) == vif ||
                            marked_with(bridge->external_ids, network_mark))) {
    transaction.expect_port(*port);
    transaction.mutate("Bridge", bridge->uuid,
                       {json::array{"ports", "delete", reference(port->uuid)}});
  }
  return transaction.finish("VIF " + vif + " goes");
}

json::array plan_another_look(const Held& held) {
  return Transaction(held).finish("another look", true);
}

}  // namespace xcp::network::ovsdb
