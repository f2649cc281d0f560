// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on networks that are more than one call.
#include "xapi/cli/commands.gen.hpp"

namespace xcp::cli {

void do_vif_create(Run& run) {
  const Object network = run.param_object<model::network>("network-uuid");
  const Object vm = run.param_object<model::VM>("vm-uuid");
  // An empty address lets the server choose one, which "random" asks for as well.
  std::string mac = run.words.get_or("mac", "");
  if (mac == "random") mac.clear();
  model::RecordValue record = new_record(model::VIF::index);
  record.set(model::VIF::device, run.words.need("device"));
  record.set(model::VIF::network, Ref<model::network>(network.ref));
  record.set(model::VIF::VM, Ref<model::VM>(vm.ref));
  record.set(model::VIF::MAC, mac);
  record.set(model::VIF::MTU, network.get(model::network::MTU));
  run.show(run.call("VIF.create", {record}), *model::find_message("VIF.create")->result);
}

void do_vlan_destroy(Run& run) {
  const std::string uuid = run.words.need("uuid");
  for (const Object& vlan : run.world.all<model::VLAN>()) {
    if (vlan.uuid() != uuid) continue;
    run.call("VLAN.destroy", {vlan.ref});
    return;
  }
  // The interface that carries the VLAN is what users see.
  run.call("PIF.destroy", {run.world.by_uuid<model::PIF>(uuid).ref});
}

}  // namespace xcp::cli
