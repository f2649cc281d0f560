// SPDX-License-Identifier: GPL-2.0-or-later
// See rows.hpp. The protocol writes a set of one as its element, any other as ["set", [...]], a map
// as ["map", [[key, value], ...]] and a reference as ["uuid", "..."].
#include "ovs-integration/openvswitch/rows.hpp"

#include "base/failure.hpp"

namespace xcp::network::ovsdb {

namespace {

bool is_tagged(const json::value& value, std::string_view tag) {
  const auto* array = value.if_array();
  return array != nullptr && array->size() == 2 && (*array)[0].is_string() &&
         (*array)[0].get_string() == tag;
}

json::array elements(const json::value& value) {
  if (is_tagged(value, "set")) return value.at(1).as_array();
  return {value};
}

std::string text(const json::value& value) {
  const json::array all = elements(value);
  return all.empty() ? std::string() : std::string(all[0].as_string());
}

std::optional<std::int64_t> number(const json::value& value) {
  const json::array all = elements(value);
  return all.empty() ? std::nullopt : std::optional(all[0].to_number<std::int64_t>());
}

std::set<std::string> references(const json::value& value) {
  std::set<std::string> uuids;
  for (const json::value& each : elements(value)) uuids.insert(std::string(each.at(1).as_string()));
  return uuids;
}

Texts texts(const json::value& value) {
  Texts result;
  for (const json::value& pair : value.at(1).as_array())
    result[std::string(pair.at(0).as_string())] = std::string(pair.at(1).as_string());
  return result;
}

InterfaceRow interface_row(const std::string& uuid, const json::object& row) {
  return {uuid,
          text(row.at("name")),
          text(row.at("type")),
          number(row.at("mtu_request")),
          number(row.at("ingress_policing_rate")).value_or(0),
          number(row.at("ingress_policing_burst")).value_or(0),
          number(row.at("ofport")),
          text(row.at("error"))};
}

PortRow port_row(const std::string& uuid, const json::object& row) {
  return {uuid, text(row.at("name")), references(row.at("interfaces")), number(row.at("tag")),
          texts(row.at("external_ids"))};
}

BridgeRow bridge_row(const std::string& uuid, const json::object& row) {
  return {uuid,
          text(row.at("name")),
          text(row.at("datapath_type")),
          text(row.at("fail_mode")),
          row.at("stp_enable").as_bool(),
          row.at("rstp_enable").as_bool(),
          references(row.at("ports")),
          texts(row.at("external_ids")),
          texts(row.at("other_config"))};
}

template <class Row>
const Row* named(const std::map<std::string, Row>& rows, const std::string& name) {
  for (const auto& [uuid, row] : rows)
    if (row.name == name) return &row;
  return nullptr;
}

Held read(const Tables& tables) {
  Held held;
  for (const auto& [table, rows] : tables)
    for (const auto& [uuid, row] : rows) {
      if (table == "Open_vSwitch") {
        held.root = uuid;
        held.bridges = references(row.at("bridges"));
        held.wanted_config = row.at("next_cfg").to_number<std::int64_t>();
        held.reached_config = row.at("cur_cfg").to_number<std::int64_t>();
      } else if (table == "Bridge") {
        held.bridge[uuid] = bridge_row(uuid, row);
      } else if (table == "Port") {
        held.port[uuid] = port_row(uuid, row);
      } else if (table == "Interface") {
        held.interface[uuid] = interface_row(uuid, row);
      }
    }
  return held;
}

}  // namespace

const Columns columns_looked_at{{"Open_vSwitch", {"bridges", "next_cfg", "cur_cfg"}},
                                {"Bridge",
                                 {"name", "datapath_type", "fail_mode", "stp_enable", "rstp_enable",
                                  "ports", "external_ids", "other_config"}},
                                {"Port", {"name", "interfaces", "tag", "external_ids"}},
                                {"Interface",
                                 {"name", "type", "mtu_request", "ingress_policing_rate",
                                  "ingress_policing_burst", "ofport", "error"}}};

const BridgeRow* Held::bridge_named(const std::string& name) const {
  return named(bridge, name);
}
const PortRow* Held::port_named(const std::string& name) const {
  return named(port, name);
}
const InterfaceRow* Held::interface_named(const std::string& name) const {
  return named(interface, name);
}
const PortRow* Held::port_with(const InterfaceRow& wanted) const {
  for (const auto& [uuid, row] : port)
    if (row.interfaces.contains(wanted.uuid)) return &row;
  return nullptr;
}
const BridgeRow* Held::bridge_with(const PortRow& wanted) const {
  for (const auto& [uuid, row] : bridge)
    if (row.ports.contains(wanted.uuid)) return &row;
  return nullptr;
}
const BridgeRow* Held::bridge_of_device(const std::string& name) const {
  const InterfaceRow* device = interface_named(name);
  const PortRow* of_device = device == nullptr ? nullptr : port_with(*device);
  return of_device == nullptr ? nullptr : bridge_with(*of_device);
}

Held held_in(const Tables& tables) {
  try {
    Held held = read(tables);
    if (held.root.empty())
      throw internal_error("Open vSwitch's database is empty: ovs-vswitchd has never run");
    return held;
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& error) {
    throw internal_error(std::string("Open vSwitch's database is not as expected: ") +
                         error.what());
  }
}

}  // namespace xcp::network::ovsdb
