// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on disks and block devices that are more than one call.
#include <fmt/format.h>

#include "xapi/cli/commands.gen.hpp"
#include "xapi/cli/generic.hpp"

namespace xcp::cli {
namespace {

// Waits until a block device is detached; false when the time is over.
bool wait_detached(Run& run, const std::string& vbd, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const std::vector<std::string> classes = {"vbd/" + vbd};
  std::string token;
  run.world.api().wait_for_change(classes, token, std::chrono::milliseconds(0));
  while (run.world.call_on("VBD.get_currently_attached", vbd).as_bool()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= std::chrono::milliseconds::zero()) return false;
    run.world.api().wait_for_change(classes, token, left);
  }
  return true;
}

}  // namespace

void do_vbd_unplug(Run& run) {
  const Object vbd = run.param_object<model::VBD>("uuid");
  if (run.words.flag("force")) {
    run.call("VBD.unplug_force", {vbd.ref});
    return;
  }
  const auto timeout = run.words.get("timeout");
  const auto seconds = timeout ? parse_size(*timeout) : std::nullopt;
  if (timeout && !seconds) throw cli_error("timeout must be a number of seconds.");
  try {
    run.call("VBD.unplug", {vbd.ref});
  } catch (const Failure& failure) {
    // The guest may still let go within the time the user gives it.
    if (failure.code() != "DEVICE_DETACH_TIMEOUT" || !seconds) throw;
    if (!wait_detached(run, vbd.ref, std::chrono::seconds(*seconds))) throw;
  }
}

void do_diagnostic_vdi_status(Run& run) {
  const Object vdi = run.param_object<model::VDI>("uuid");
  run.printer.table(records_of(run.world, *find_class_row("vdi"), {vdi},
                               {"uuid", "name-label", "sr-uuid", "read-only", "sharable"}));
  std::vector<Object> attached, detached;
  for (const auto& ref : vdi.get(model::VDI::VBDs)) {
    const auto vbd = run.world.find(ref);
    if (!vbd) continue;
    (vbd->get(model::VBD::currently_attached) ? attached : detached).push_back(*vbd);
  }
  const ClassRow& row = *find_class_row("vbd");
  const std::vector<std::string> fields = {"uuid", "vm-uuid", "vm-name-label", "device", "mode"};
  run.printer.message(attached.empty() ? "No VM uses it now." : "In use now:");
  run.printer.table(records_of(run.world, row, attached, fields));
  if (detached.empty()) return;
  run.printer.message("Could be used by:");
  run.printer.table(records_of(run.world, row, detached, fields));
}

}  // namespace xcp::cli
