// SPDX-License-Identifier: GPL-2.0-or-later
// Networks. One that is made exists in the database first: the network daemon has it from the first
// port, network.attach or plugged PIF on.
#include "xapi/handlers/network.gen.hpp"

#include <algorithm>
#include <cctype>

#include "xapi/accessors.hpp"
#include "xapi/classes/pbd.hpp"
#include "xapi/plans/network_spec.hpp"

namespace xcp::xapi {

using model::network;
using model::NetworkPurpose;

namespace {

constexpr std::size_t longest_interface_name = 15;
constexpr std::int64_t smallest_mtu = 68;
constexpr std::int64_t largest_mtu = 65535;

bool is_used(const db::Snapshot& view, const std::string& bridge) {
  return view
      .find_if<network>(
          [&](const db::Object<network>& other) { return other[network::bridge] == bridge; })
      .has_value();
}

std::string fresh_bridge(const db::Snapshot& view) {
  int number = 0;
  while (is_used(view, "xapi" + std::to_string(number))) ++number;
  return "xapi" + std::to_string(number);
}

void check_bridge(const db::Snapshot& view, const std::string& bridge) {
  const bool good = bridge.size() <= longest_interface_name && bridge != "." && bridge != ".." &&
                    std::all_of(bridge.begin(), bridge.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                    });
  if (!good)
    throw Failure("VALUE_NOT_SUPPORTED",
                  {"bridge", bridge, "not a name of 1 to 15 letters, digits, '-', '_' and '.'"});
  if (is_used(view, bridge)) throw Failure("BRIDGE_NAME_EXISTS", {bridge});
}

void check_mtu(std::int64_t mtu) {
  if (mtu < smallest_mtu || mtu > largest_mtu)
    throw Failure("VALUE_NOT_SUPPORTED", {"MTU", std::to_string(mtu), "not 68 to 65535"});
}

template <class C>
std::string joined(const std::vector<Ref<C>>& refs) {
  std::string text;
  for (const Ref<C>& ref : refs) text += (text.empty() ? "" : ",") + ref.str();
  return text;
}

bool has_network(xcp::network::Network& daemon, const std::string& uuid) {
  for (const xcp::network::NetworkState& state : daemon.networks())
    if (state.spec.uuid == uuid) return true;
  return false;
}

}  // namespace

Ref<network> network_create(Context& context, const model::RecordValue& args) {
  model::RecordValue record = client_record(args);
  if (!record.get(network::managed))
    throw Failure("NOT_IMPLEMENTED", {"networks on bridges that others made"});
  check_mtu(record.get(network::MTU));
  Ref<network> ref;
  context.commit([&](db::Transaction& change) {
    const std::string bridge = record.get(network::bridge);
    if (bridge.empty())
      record.set(network::bridge, fresh_bridge(change.view()));
    else
      check_bridge(change.view(), bridge);
    ref = change.create<network>(record);
  });
  return ref;
}

void network_destroy(Context& context, Ref<network> self) {
  const auto check = [](const db::Object<network>& object) {
    if (const auto vifs = object[network::VIFs]; !vifs.empty())
      throw Failure("NETWORK_CONTAINS_VIF", {joined(vifs)});
    if (const auto pifs = object[network::PIFs]; !pifs.empty())
      throw Failure("NETWORK_CONTAINS_PIF", {joined(pifs)});
  };
  const db::Snapshot view = context.view();
  const auto object = view.get(self);
  check(object);
  Plan plan("network.destroy");
  const auto spec = network_spec(view, object, context.host());
  Services& services = context.services();
  bool was_there = false;
  plan.step(
      "remove network", 1,
      [&] {
        was_there = has_network(services.network, spec.uuid);
        if (was_there) services.network.remove_network(spec.uuid);
      },
      [&] {
        if (was_there) services.network.ensure_network(spec);
      });
  context.run(plan, [&](db::Transaction& change) {
    check(change.get(self));
    change.destroy(self);
  });
}

void network_attach(Context& context, Ref<network> network, Ref<model::host> host) {
  check_this_host(context, host);
  Plan plan("network.attach");
  add_network_steps(plan, context.services(), context.view(), {network});
  context.run(plan);
}

void network_set_mtu(Context& context, Ref<network> self, std::int64_t value) {
  check_mtu(value);
  context.commit([&](db::Transaction& change) { change.set(self, network::MTU, value); });
}

void network_set_default_locking_mode(Context& context, Ref<network> network,
                                      model::NetworkDefaultLockingMode value) {
  const auto object = context.view().get(network);
  if (value == object[model::network::default_locking_mode]) return;
  throw Failure("NOT_IMPLEMENTED",
                {"network.default_locking_mode " + std::string(model::to_string(value))});
}

void network_add_purpose(Context& context, Ref<network> self, NetworkPurpose value) {
  context.commit([&](db::Transaction& change) {
    // Secure and insecure NBD exclude each other in the whole pool.
    for (const auto& other : change.view().all<network>())
      for (const NetworkPurpose purpose : other[network::purpose])
        if (purpose != value)
          throw Failure("NETWORK_INCOMPATIBLE_PURPOSES", {std::string(model::to_string(value)),
                                                          std::string(model::to_string(purpose))});
    auto purposes = change.get(self)[network::purpose];
    if (std::find(purposes.begin(), purposes.end(), value) != purposes.end()) return;
    purposes.push_back(value);
    change.set(self, network::purpose, purposes);
  });
}

void network_remove_purpose(Context& context, Ref<network> self, NetworkPurpose value) {
  context.commit([&](db::Transaction& change) {
    auto purposes = change.get(self)[network::purpose];
    std::erase(purposes, value);
    change.set(self, network::purpose, purposes);
  });
}

}  // namespace xcp::xapi
