// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzzes what Open vSwitch's database may hold: tables as the server sends them, read and planned
// upon. Only Failures are thrown, and a plan for a bridge that is not ours is never made.
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/failure.hpp"
#include "ovs-integration/openvswitch/planner.hpp"

namespace {

using namespace xcp::network::ovsdb;

Tables tables_of(const json::value& value) {
  Tables tables;
  if (const auto* all = value.if_object())
    for (const auto& [table, rows] : *all)
      if (const auto* object = rows.if_object())
        for (const auto& [uuid, row] : *object)
          if (const auto* columns = row.if_object())
            tables[std::string(table)][std::string(uuid)] = *columns;
  return tables;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code error;
  const json::value value = json::parse({reinterpret_cast<const char*>(data), size}, error);
  if (error) return 0;
  try {
    const Held held = held_in(tables_of(value));
    const BridgeRow* bridge = held.bridge_named("xenbr1");
    const bool ours =
        bridge != nullptr && marked_with(bridge->external_ids, network_mark) == "network";
    try {
      plan_bridge(held, {"network", "xenbr1", "02:00:00:00:00:01", 1500, "system", "eth1"});
      if (bridge != nullptr && !ours) std::abort();
    } catch (const xcp::Failure&) {
    }
    if (!plan_removal(held, "network", "xenbr1", "eth1").empty() && !ours) std::abort();
    plan_port_removal(held, "vif", "tap1");
    plan_port(held, {"vif", "tap1", "xenbr1", "network", 7, 1500, 100});
  } catch (const xcp::Failure&) {
  }
  return 0;
}
