// SPDX-License-Identifier: GPL-2.0-or-later
// PIFs of physical cards: found, forgotten, taken into their network's bridge and out of it.
#include "xapi/handlers/pif.gen.hpp"

#include "xapi/classes/pbd.hpp"
#include "xapi/host.hpp"
#include "xapi/plans/network_spec.hpp"

namespace xcp::xapi {

using model::PIF;
using model::VIF;

namespace {

void destroy_pif(db::Transaction& change, const Ref<PIF>& ref) {
  const auto pif = change.find(ref);
  if (!pif) return;
  if (change.find((*pif)[PIF::metrics])) change.destroy((*pif)[PIF::metrics]);
  change.destroy(ref);
}

bool is_plain_card(const db::Object<PIF>& pif) {
  return pif[PIF::physical] && pif[PIF::bond_slave_of].is_null() &&
         pif[PIF::VLAN_slave_of].empty() && pif[PIF::tunnel_transport_PIF_of].empty();
}

void check_is_card(const db::Object<PIF>& pif) {
  if (!pif[PIF::physical]) throw Failure("PIF_IS_NOT_PHYSICAL", {pif.ref().str()});
}

// What would lose its connection.
void check_may_go_down(const db::Snapshot& view, const db::Object<PIF>& pif) {
  const std::string ref = pif.ref().str();
  if (pif[PIF::management]) throw Failure("PIF_IS_MANAGEMENT_INTERFACE", {ref});
  if (pif[PIF::disallow_unplug]) throw Failure("PIF_DOES_NOT_ALLOW_UNPLUG", {ref});
  const auto network = view.get(pif[PIF::network]);
  for (const Ref<VIF>& vif : network[model::network::VIFs])
    if (view.get(vif)[VIF::currently_attached])
      throw Failure("VIF_IN_USE", {network.ref().str(), vif.str()});
}

bool has_network(xcp::network::Network& daemon, const std::string& uuid) {
  for (const xcp::network::NetworkState& state : daemon.networks())
    if (state.spec.uuid == uuid) return true;
  return false;
}

// The network goes on without its card, if the daemon has it at all.
Plan unplug_plan(Services& services, const db::Snapshot& view, const db::Object<PIF>& pif) {
  Plan plan("PIF.unplug");
  const auto network = view.get(pif[PIF::network]);
  const xcp::network::NetworkSpec with = network_spec(view, network, services.host);
  xcp::network::NetworkSpec without = with;
  without.uplink.clear();
  without.guarded_uplink = false;
  plan.step(
      "release NIC " + pif[PIF::device], 1,
      [&services, without] {
        if (has_network(services.network, without.uuid)) services.network.ensure_network(without);
      },
      [&services, with] {
        if (has_network(services.network, with.uuid)) services.network.ensure_network(with);
      });
  return plan;
}

Plan plug_plan(Services& services, const db::Snapshot& view, const db::Object<PIF>& pif) {
  Plan plan("PIF.plug");
  const auto network = view.get(pif[PIF::network]);
  xcp::network::NetworkSpec spec = network_spec(view, network, services.host);
  const bool was_there = has_network(services.network, spec.uuid);
  const xcp::network::NetworkSpec before = spec;
  spec.uplink = pif[PIF::device];
  spec.guarded_uplink = pif[PIF::management];
  plan.step(
      "join NIC " + pif[PIF::device], 1,
      [&services, spec] { services.network.ensure_network(spec); },
      [&services, before, was_there] {
        if (was_there)
          services.network.ensure_network(before);
        else
          services.network.remove_network(before.uuid);
      });
  return plan;
}

}  // namespace

void pif_scan(Context& context, Ref<model::host> host) {
  check_this_host(context, host);
  Services& services = context.services();
  if (services.network.backend() == xcp::network::Backend::user) return;
  const auto nics = services.network.nics();
  scan_pifs(services);
  context.commit([&](db::Transaction& change) {
    for (const auto& pif : change.view().all<PIF>()) {
      bool found = pif[PIF::host] != host || !is_plain_card(pif) || pif[PIF::management];
      for (const xcp::network::NicInfo& nic : nics) found = found || nic.device == pif[PIF::device];
      if (!found) destroy_pif(change, pif.ref());
    }
  });
}

Ref<PIF> pif_introduce(Context& context, Ref<model::host> host, std::string MAC, std::string device,
                       bool managed) {
  check_this_host(context, host);
  Services& services = context.services();
  for (const xcp::network::NicInfo& nic : services.network.nics()) {
    if (!nic.physical || (!device.empty() && nic.device != device) ||
        (!MAC.empty() && nic.mac != MAC) || (device.empty() && MAC.empty()))
      continue;
    Ref<PIF> ref;
    context.commit([&](db::Transaction& change) {
      for (const auto& pif : change.view().all<PIF>())
        if (pif[PIF::host] == host && pif[PIF::device] == nic.device)
          throw Failure("DUPLICATE_PIF_DEVICE_NAME", {nic.device});
      ref = record_pif(change, services, nic);
      change.set(ref, PIF::managed, managed);
    });
    return ref;
  }
  throw Failure("COULD_NOT_FIND_NETWORK_INTERFACE_WITH_SPECIFIED_DEVICE_NAME_AND_MAC_ADDRESS",
                {device, MAC});
}

void pif_forget(Context& context, Ref<PIF> self) {
  const db::Snapshot view = context.view();
  const auto pif = view.get(self);
  check_is_card(pif);
  check_this_host(context, pif[PIF::host]);
  if (!pif[PIF::tunnel_transport_PIF_of].empty())
    throw Failure("PIF_TUNNEL_STILL_EXISTS", {self.str()});
  if (!pif[PIF::VLAN_slave_of].empty()) throw Failure("PIF_VLAN_STILL_EXISTS", {self.str()});
  check_may_go_down(view, pif);
  context.run(pif[PIF::currently_attached] ? unplug_plan(context.services(), view, pif)
                                           : Plan("PIF.forget"),
              [&](db::Transaction& change) { destroy_pif(change, self); });
}

void pif_unplug(Context& context, Ref<PIF> self) {
  const db::Snapshot view = context.view();
  const auto pif = view.get(self);
  check_is_card(pif);
  check_this_host(context, pif[PIF::host]);
  if (!pif[PIF::currently_attached]) return;
  check_may_go_down(view, pif);
  context.run(unplug_plan(context.services(), view, pif),
              [&](db::Transaction& change) { change.set(self, PIF::currently_attached, false); });
}

void pif_plug(Context& context, Ref<PIF> self) {
  const db::Snapshot view = context.view();
  const auto pif = view.get(self);
  check_is_card(pif);
  check_this_host(context, pif[PIF::host]);
  if (!pif[PIF::managed]) throw Failure("PIF_UNMANAGED", {self.str()});
  context.run(plug_plan(context.services(), view, pif),
              [&](db::Transaction& change) { change.set(self, PIF::currently_attached, true); });
}

void pif_set_disallow_unplug(Context& context, Ref<PIF> self, bool value) {
  context.commit([&](db::Transaction& change) { change.set(self, PIF::disallow_unplug, value); });
}

}  // namespace xcp::xapi
