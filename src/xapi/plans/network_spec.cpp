// SPDX-License-Identifier: GPL-2.0-or-later
// See network_spec.hpp.
#include "xapi/plans/network_spec.hpp"

#include <set>

#include "base/failure.hpp"

namespace xcp::xapi {

using model::PIF;

std::optional<db::Object<PIF>> pif_of(const db::Snapshot& view,
                                      const db::Object<model::network>& network,
                                      const Ref<model::host>& host) {
  for (const Ref<PIF>& ref : network[model::network::PIFs]) {
    const auto pif = view.find(ref);
    if (pif && (*pif)[PIF::host] == host) return pif;
  }
  return std::nullopt;
}

network::NetworkSpec network_spec(const db::Snapshot& view,
                                  const db::Object<model::network>& network,
                                  const Ref<model::host>& host) {
  network::NetworkSpec spec;
  spec.uuid = network[model::network::uuid];
  spec.name = network[model::network::name_label];
  spec.bridge = network[model::network::bridge];
  spec.mtu = static_cast<int>(network[model::network::MTU]);
  const auto pif = pif_of(view, network, host);
  if (!pif || !(*pif)[PIF::managed] || !(*pif)[PIF::currently_attached]) return spec;
  if (!(*pif)[PIF::physical])
    throw Failure("NOT_IMPLEMENTED", {"networks on VLANs, bonds and tunnels"});
  spec.uplink = (*pif)[PIF::device];
  spec.guarded_uplink = (*pif)[PIF::management];
  return spec;
}

void add_network_steps(Plan& plan, Services& services, const db::Snapshot& view,
                       const std::vector<Ref<model::network>>& networks) {
  std::set<Ref<model::network>> seen;
  for (const Ref<model::network>& ref : networks) {
    if (!seen.insert(ref).second) continue;
    const network::NetworkSpec spec = network_spec(view, view.get(ref), services.host);
    plan.step("ensure network " + (spec.bridge.empty() ? spec.name : spec.bridge), 1,
              [&services, spec] { services.network.ensure_network(spec); });
  }
}

}  // namespace xcp::xapi
