// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on the pool that are more than one call.
#include <fmt/format.h>

#include "xapi/cli/commands.gen.hpp"

namespace xcp::cli {
namespace {

using model::Value;

// The last part of a path: the name under which a certificate is kept.
std::string base_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void install_file(Run& run, std::string_view method) {
  const std::string filename = run.words.need("filename");
  run.call(method, {base_name(filename), run.load(filename)});
}

// The disks on SRs that only this host reaches.
std::string lost_disks(Run& run, const Object& host) {
  std::string text;
  for (const auto& pbd_ref : host.get(model::host::PBDs)) {
    const auto pbd = run.world.find(pbd_ref);
    const auto sr = pbd ? run.world.find(pbd->get(model::PBD::SR)) : std::nullopt;
    if (!sr || sr->get(model::SR::PBDs).size() != 1) continue;
    for (const auto& vdi_ref : sr->get(model::SR::VDIs)) {
      if (const auto vdi = run.world.find(vdi_ref)) {
        text += fmt::format("\nVDI: {} ({})", vdi->uuid(), vdi->name());
      }
    }
  }
  return text;
}

}  // namespace

void do_pool_eject(Run& run) {
  const Object host = run.param_object<model::host>("host-uuid");
  const std::string disks = lost_disks(run, host);
  std::string question = fmt::format("The host {} ({}) will leave the pool and start afresh.",
                                     host.uuid(), host.name());
  if (!disks.empty()) question += "\nThese disks will be destroyed for ever:" + disks;
  if (!run.confirm(question)) throw cli_error("Nothing was done.");
  run.call("pool.eject", {host.ref});
}

void do_pool_certificate_install(Run& run) {
  install_file(run, "pool.install_ca_certificate");
}
void do_pool_crl_install(Run& run) {
  install_file(run, "pool.crl_install");
}

void do_nothing_to_do(Run&) {}

void do_pool_get_cpu_features(Run& run) {
  const auto info = run.world.pool().get(model::pool::cpu_info);
  const auto features = info.find("features");
  if (features == info.end()) throw cli_error("The CPU features of the pool are not known.");
  run.printer.list({features->second});
}

void do_pool_apply_edition(Run& run) {
  const Object pool =
      run.words.has("uuid") ? run.param_object<model::pool>("uuid") : run.world.pool();
  const auto address = run.words.get("license-server-address");
  const auto port = run.words.get("license-server-port");
  if (address || port) {
    for (const Object& host : run.world.all<model::host>()) {
      auto server = host.get(model::host::license_server);
      if (address) server["address"] = *address;
      if (port) server["port"] = *port;
      run.world.call("host.set_license_server", {host.ref, model::to_value(server)});
    }
  }
  run.call("pool.apply_edition", {pool.ref, run.words.need("edition")});
}

void do_pool_ha_hypothetical(Run& run) {
  // Pairs of vm-uuid and restart-priority, in their order.
  std::vector<std::string> vms, priorities;
  for (const auto& [name, value] : run.words.params()) {
    if (name == "vm-uuid") vms.push_back(value);
    if (name == "restart-priority") priorities.push_back(value);
  }
  if (vms.size() != priorities.size()) {
    throw cli_error("Every vm-uuid needs a restart-priority.");
  }
  model::MapValue configuration;
  for (std::size_t i = 0; i < vms.size(); ++i) {
    configuration.emplace_back(run.world.by_uuid<model::VM>(vms[i]).ref, priorities[i]);
  }
  constexpr std::string_view method = "pool.ha_compute_hypothetical_max_host_failures_to_tolerate";
  run.show(run.call(method, {configuration}), *model::find_message(method)->result);
}

void do_pool_ha_failover_plan(Run& run) {
  model::SetValue hosts, vms;
  for (const auto& uuid : split_commas(run.words.need("host-uuids"))) {
    const Object host = run.world.by_uuid<model::host>(uuid);
    hosts.push_back(host.ref);
    for (const auto& ref : host.get(model::host::resident_VMs)) {
      const auto vm = run.world.find(ref);
      if (vm && !vm->get(model::VM::is_control_domain)) vms.push_back(vm->ref);
    }
  }
  constexpr std::string_view method = "pool.ha_compute_vm_failover_plan";
  run.show(run.call(method, {hosts, vms}), *model::find_message(method)->result);
}

}  // namespace xcp::cli
