// SPDX-License-Identifier: GPL-2.0-or-later
// xl network-attach, network-list, network-detach.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "xl/cfg/domain_json.hpp"
#include "xl/cfg/network.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/vm_spec.hpp"

namespace xcp::xl {

namespace {

std::int64_t free_devid(const hypervisor::DomainState& state) {
  std::int64_t devid = 0;
  while (std::any_of(state.nics.begin(), state.nics.end(),
                     [&](const auto& nic) { return nic.device == std::to_string(devid); }))
    ++devid;
  return devid;
}

}  // namespace

int network_attach(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  cfg::Warnings warnings;
  cfg::Nic nic;
  for (std::size_t i = 1; i < call.args.size(); ++i)
    if (!cfg::set_nic(nic, call.args[i], warnings))
      throw refusal(fmt::format("unrecognized argument `{}'", call.args[i]));
  const cfg::XlConf& conf = xl.conf();
  if (!nic.script) nic.script = conf.vif_script;
  if (!nic.bridge) nic.bridge = conf.vif_bridge;
  if (!nic.gatewaydev) nic.gatewaydev = conf.vif_gatewaydev;
  if (!nic.backend_domname) nic.backend_domname = conf.vif_backend;
  if (xl.settings.dry_run) {
    for (const std::string& warning : warnings) xl.warn(warning);
    fmt::print("vif: {}\n\n", cfg::json_of(nic));
    return 0;
  }
  const hypervisor::NicSpec spec =
      nic_spec(nic, nic.devid.value_or(free_devid(state)), "xenbr0", false, warnings);
  for (const std::string& warning : warnings) xl.warn(warning);
  xl.hypervisor().plug_nic(state.uuid, spec);
  return 0;
}

int network_list(Xl& xl, const Call& call) {
  if (xl.on_xen()) return list_devices(xl, call, hypervisor::XenDeviceKind::nic);
  fmt::print("{:<3} {:<2} {:<17} {:<6} {:<5} {:<8} {:<15} {:<30}\n", "Idx", "BE", "Mac Addr.",
             "handle", "state", "evt-ch", "tx-/rx-ring-ref", "BE-path");
  for (const std::string& name : call.args) {
    hypervisor::DomainState state;
    try {
      state = xl.find(name);
    } catch (const Failure&) {
      fmt::print(stderr, "{} is an invalid domain identifier\n", name);
      continue;
    }
    for (const hypervisor::NicSpec& nic : state.nics)
      fmt::print("{:<3} {:<2} {:<17} {:>6} {:>5} {:>6} {:>5}/{:<11} {:<30}\n", nic.device, 0,
                 nic.mac, nic.device, 4, -1, -1, -1,
                 nic.host_device.empty() ? nic.bridge : nic.host_device);
  }
  return 0;
}

int network_detach(Xl& xl, const Call& call) {
  const hypervisor::DomainState state = xl.find(call.args[0]);
  const std::string& wanted = call.args[1];
  for (const hypervisor::NicSpec& nic : state.nics)
    if (nic.device == wanted || strcasecmp(nic.mac.c_str(), wanted.c_str()) == 0) {
      xl.hypervisor().unplug_nic(state.uuid, nic.device);
      return 0;
    }
  throw refusal(fmt::format("Unknown device {}.", wanted));
}

}  // namespace xcp::xl
