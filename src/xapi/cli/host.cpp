// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on hosts that are more than one call.
#include <fmt/format.h>

#include "xapi/cli/commands.gen.hpp"

namespace xcp::cli {

void do_host_forget(Run& run) {
  const Object host = run.param_object<model::host>("uuid");
  const std::string question = fmt::format(
      "The host {} ({}) will be forgotten, with the VMs that ran on it shown as halted.\n"
      "A host that still lives must not be forgotten: use pool-eject.",
      host.uuid(), host.name());
  if (!run.confirm(question)) throw cli_error("Nothing was done.");
  run.call("host.destroy", {host.ref});
}

void do_host_declare_dead(Run& run) {
  const Object host = run.param_object<model::host>("uuid");
  const std::string question = fmt::format(
      "The VMs of {} ({}) may then be started elsewhere. If the host is not certainly off,\n"
      "their disks will be destroyed.",
      host.uuid(), host.name());
  if (!run.confirm(question)) throw cli_error("Nothing was done.");
  run.call("host.declare_dead", {host.ref});
}

void do_host_get_cpu_features(Run& run) {
  const auto info = run.host_or_local("uuid").get(model::host::cpu_info);
  const auto features = info.find("features");
  if (features == info.end()) throw cli_error("The CPU features of the host are not known.");
  run.printer.list({features->second});
}

void do_host_apply_edition(Run& run) {
  const Object host = run.host_or_local("host-uuid");
  auto server = host.get(model::host::license_server);
  const auto before = server;
  if (const auto address = run.words.get("license-server-address")) server["address"] = *address;
  if (const auto port = run.words.get("license-server-port")) server["port"] = *port;
  if (server != before) {
    run.world.call("host.set_license_server", {host.ref, model::to_value(server)});
  }
  try {
    run.call("host.apply_edition", {host.ref, run.words.need("edition"), false});
  } catch (const Failure&) {
    if (server != before) {
      run.world.call("host.set_license_server", {host.ref, model::to_value(before)});
    }
    throw;
  }
}

void do_hostdriver_select(Run& run) {
  const Object driver = run.param_object<model::Host_driver>("uuid");
  const std::string wanted = run.words.need("variant-name");
  std::string known;
  for (const auto& ref : driver.get(model::Host_driver::variants)) {
    const auto variant = run.world.find(ref);
    if (!variant) continue;
    const std::string name = variant->get(model::Driver_variant::name_);
    if (name == wanted) {
      run.call("Host_driver.select", {driver.ref, variant->ref});
      return;
    }
    known += (known.empty() ? "" : ", ") + name;
  }
  throw cli_error(fmt::format("The driver has no variant '{}'; it has: {}.", wanted, known));
}

}  // namespace xcp::cli
