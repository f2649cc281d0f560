// SPDX-License-Identifier: GPL-2.0-or-later
// Records to NetworkSpec: what the network daemon is asked to have for a network. Pure;
// golden-tested.
#pragma once

#include <optional>

#include "base/plan.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// The PIF that connects `host` to the network; nullopt for a host-internal one.
std::optional<db::Object<model::PIF>> pif_of(const db::Snapshot& view,
                                             const db::Object<model::network>& network,
                                             const Ref<model::host>& host);

// The network as `host` shall have it: with its PIF as uplink when the PIF is managed and up.
// NOT_IMPLEMENTED for a PIF that is no card (VLAN, bond, tunnel).
network::NetworkSpec network_spec(const db::Snapshot& view,
                                  const db::Object<model::network>& network,
                                  const Ref<model::host>& host);

// One step for each of the networks, which must come before ports are added to them. Nothing is
// taken back: a network that is up is what the records say, and others may have begun to use it.
void add_network_steps(Plan& plan, Services& services, const db::Snapshot& view,
                       const std::vector<Ref<model::network>>& networks);

}  // namespace xcp::xapi
