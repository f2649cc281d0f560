// SPDX-License-Identifier: GPL-2.0-or-later
// VM operations: in which power states each may start, and what may run beside what.

#include <algorithm>
#include <cctype>

#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::VM;
using model::VmPowerState;
using Op = model::VmOperations;

namespace {

// Empty: never (the operation is not offered).
std::vector<VmPowerState> states_for(Op operation) {
  constexpr auto halted = VmPowerState::Halted;
  constexpr auto paused = VmPowerState::Paused;
  constexpr auto running = VmPowerState::Running;
  constexpr auto suspended = VmPowerState::Suspended;
  switch (operation) {
    case Op::Snapshot:
    case Op::GetBootRecord:
    case Op::UpdateAllowedOperations:
    case Op::AssertOperationValid:
    case Op::PowerStateReset:
    case Op::Reverting:
    case Op::Revert:
      return {halted, paused, running, suspended};
    case Op::Clone:
    case Op::Copy:
    case Op::CreateTemplate:
    case Op::Export:
    case Op::Destroy:
      return {halted, suspended};
    case Op::MetadataExport:
      return {halted, paused, running, suspended};
    case Op::Provision:
    case Op::Start:
    case Op::StartOn:
    case Op::MakeIntoTemplate:
    case Op::ChangingStaticRange:
    case Op::ChangingMemoryLimits:
    case Op::ChangingShadowMemory:
    case Op::ChangingVCPUs:
    case Op::ChangingNVRAM:
    case Op::CreateVtpm:
      return {halted};
    case Op::ChangingDynamicRange:
      return {halted, running};
    case Op::Checkpoint:
    case Op::Pause:
    case Op::CleanShutdown:
    case Op::CleanReboot:
    case Op::Suspend:
    case Op::PoolMigrate:
    case Op::SendSysrq:
    case Op::SendTrigger:
    case Op::CallPlugin:
    case Op::QueryServices:
    case Op::ChangingMemoryLive:
    case Op::AwaitingMemoryLive:
    case Op::ChangingShadowMemoryLive:
    case Op::ChangingVCPUsLive:
    case Op::DataSourceOp:
    case Op::Sysprep:
    case Op::SnapshotWithQuiesce:
      return {running};
    case Op::Unpause:
      return {paused};
    case Op::Shutdown:
    case Op::HardShutdown:
      return {paused, running, suspended};
    case Op::HardReboot:
      return {paused, running};
    case Op::Resume:
    case Op::ResumeOn:
      return {suspended};
    case Op::MigrateSend:
      return {halted, running, suspended};
    case Op::Csvm:
    case Op::Import:
      return {};
  }
  return {};
}

// Reading operations run side by side; a hard stop is the way out of a clean one that hangs.
bool may_run_beside(Op wanted, Op running) {
  const auto reads = [](Op op) {
    return op == Op::Clone || op == Op::Copy || op == Op::Export || op == Op::MetadataExport ||
           op == Op::GetBootRecord || op == Op::CreateTemplate || op == Op::AssertOperationValid ||
           op == Op::UpdateAllowedOperations || op == Op::DataSourceOp;
  };
  if (reads(wanted) && reads(running)) return true;
  if (wanted == Op::UpdateAllowedOperations || wanted == Op::AssertOperationValid) return true;
  const bool stops = wanted == Op::HardShutdown || wanted == Op::HardReboot;
  const bool waits = running == Op::CleanShutdown || running == Op::CleanReboot ||
                     running == Op::Shutdown || running == Op::AwaitingMemoryLive;
  return stops && waits;
}

std::string text_of(const std::vector<VmPowerState>& states) {
  std::string text;
  for (const VmPowerState state : states) {
    if (!text.empty()) text += ", ";
    for (const char c : model::to_string(state)) text += static_cast<char>(std::tolower(c));
  }
  return text;
}

// What the host's driver can do stands in host.capabilities.
bool host_can(const db::Snapshot& view, const db::Object<VM>& vm, std::string_view what) {
  const auto host = view.find(vm[VM::resident_on]);
  if (!host) return false;
  for (const std::string& capability : (*host)[model::host::capabilities])
    if (capability == what) return true;
  return false;
}

std::optional<Failure> refused_for_kind(const db::Object<VM>& vm, Op operation) {
  const std::string ref = vm.ref().str();
  const bool snapshot = vm[VM::is_a_snapshot];
  if (operation == Op::Revert && !snapshot)
    return Failure("OPERATION_NOT_ALLOWED", {"VM " + vm[VM::name_label] + " is not a snapshot"});
  const bool for_any = operation == Op::Clone || operation == Op::Copy ||
                       operation == Op::Destroy || operation == Op::Export ||
                       operation == Op::MetadataExport || operation == Op::Revert ||
                       operation == Op::UpdateAllowedOperations ||
                       operation == Op::AssertOperationValid || operation == Op::CreateTemplate;
  if (snapshot && !for_any)
    return Failure("OPERATION_NOT_ALLOWED", {"VM " + vm[VM::name_label] + " is a snapshot"});
  const bool for_template =
      for_any || operation == Op::Provision || operation == Op::ChangingStaticRange ||
      operation == Op::ChangingDynamicRange || operation == Op::ChangingMemoryLimits ||
      operation == Op::ChangingVCPUs || operation == Op::ChangingNVRAM ||
      operation == Op::CreateVtpm || operation == Op::ChangingShadowMemory;
  if (vm[VM::is_a_template] && !for_template) return Failure("VM_IS_TEMPLATE", {ref});
  if (operation == Op::Destroy && vm[VM::is_default_template])
    return Failure("VM_CANNOT_DELETE_DEFAULT_TEMPLATE", {ref});
  if (vm[VM::is_control_domain])
    return Failure("OPERATION_NOT_ALLOWED", {"This is the control domain of its host"});
  return std::nullopt;
}

std::optional<Failure> busy_disk(const db::Snapshot& view, const db::Object<VM>& vm) {
  for (const Ref<model::VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.find(ref);
    const auto vdi = vbd ? view.find((*vbd)[model::VBD::VDI]) : std::nullopt;
    if (!vdi) continue;
    if (auto failure = busy(*vdi)) return failure;
  }
  return std::nullopt;
}

}  // namespace

bool opens_disks(Op operation) {
  return operation == Op::Start || operation == Op::StartOn || operation == Op::Resume ||
         operation == Op::ResumeOn || operation == Op::CleanReboot || operation == Op::HardReboot ||
         operation == Op::PoolMigrate;
}

bool is_up(VmPowerState state) {
  return state == VmPowerState::Running || state == VmPowerState::Paused;
}

Failure bad_power_state(const db::Object<VM>& vm, const std::vector<VmPowerState>& expected) {
  return Failure("VM_BAD_POWER_STATE",
                 {vm.ref().str(), text_of(expected), text_of({vm[VM::power_state]})});
}

std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<VM>& vm, Op operation) {
  const std::string name(model::to_string(operation));
  if (not_implemented("VM", name)) return Failure("NOT_IMPLEMENTED", {"VM." + name});
  const auto states = states_for(operation);
  if (states.empty()) return Failure("NOT_IMPLEMENTED", {"VM." + name});
  if (auto failure = refused_for_kind(vm, operation)) return failure;
  const auto blocked = vm[VM::blocked_operations];
  if (const auto found = blocked.find(operation); found != blocked.end())
    return Failure("OPERATION_BLOCKED", {vm.ref().str(), found->second});
  const VmPowerState state = vm[VM::power_state];
  if (std::find(states.begin(), states.end(), state) == states.end())
    return bad_power_state(vm, states);
  for (const auto& [task, running] : vm[VM::current_operations])
    if (!may_run_beside(operation, running))
      return Failure("OTHER_OPERATION_IN_PROGRESS",
                     {"VM", vm.ref().str(), std::string(model::to_string(running)), task});
  if (opens_disks(operation))
    if (auto failure = busy_disk(view, vm)) return failure;
  if (operation == Op::Suspend && !host_can(view, vm, "suspend"))
    return Failure("VM_LACKS_FEATURE", {vm.ref().str()});
  if (operation == Op::Checkpoint && !host_can(view, vm, "checkpoint"))
    return Failure("VM_LACKS_FEATURE", {vm.ref().str()});
  if (operation == Op::PoolMigrate && !host_can(view, vm, "migrate"))
    return Failure("VM_LACKS_FEATURE", {vm.ref().str()});
  return std::nullopt;
}

}  // namespace xcp::xapi
