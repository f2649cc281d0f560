// SPDX-License-Identifier: GPL-2.0-or-later
// Operations of VBDs and VIFs: they follow the power state of the VM and whether the device is in
// it.
#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;
using model::VmPowerState;

namespace {

std::optional<Failure> attach_state(const db::Object<VM>& vm, bool attached, bool wanted,
                                    const std::string& device) {
  if (!is_up(vm[VM::power_state])) return bad_power_state(vm, {VmPowerState::Running});
  if (attached == wanted) return std::nullopt;
  return Failure(attached ? "DEVICE_ALREADY_ATTACHED" : "DEVICE_ALREADY_DETACHED", {device});
}

// A disk has one writer or any number of readers, unless it is sharable; and nothing else happens
// to it while it is opened.
std::optional<Failure> disk_in_use(const db::Snapshot& view, const db::Object<VBD>& vbd,
                                   model::VbdOperations operation) {
  const auto vdi = view.find(vbd[VBD::VDI]);
  if (!vdi) return std::nullopt;
  if (auto failure = busy(*vdi)) return failure;
  if ((*vdi)[VDI::sharable]) return std::nullopt;
  const bool writes = vbd[VBD::mode] == model::VbdMode::RW && !(*vdi)[VDI::read_only];
  for (const Ref<VBD>& ref : (*vdi)[VDI::VBDs]) {
    if (ref == vbd.ref()) continue;
    const auto other = view.find(ref);
    if (!other || !(*other)[VBD::currently_attached]) continue;
    if (writes || (*other)[VBD::mode] == model::VbdMode::RW)
      return Failure("VDI_IN_USE", {vdi->ref().str(), std::string(model::to_string(operation))});
  }
  return std::nullopt;
}

}  // namespace

std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<VBD>& vbd,
                               model::VbdOperations operation) {
  using Op = model::VbdOperations;
  const auto vm = view.find(vbd[VBD::VM]);
  const std::string ref = vbd.ref().str();
  if (!vm) return Failure("HANDLE_INVALID", {"VM", vbd[VBD::VM].str()});
  if (auto failure = busy(vbd)) return failure;
  if (auto failure = busy(*vm)) return failure;
  const bool attached = vbd[VBD::currently_attached];
  const bool cd = vbd[VBD::type] == model::VbdType::CD;
  switch (operation) {
    case Op::Attach:
      if ((*vm)[VM::power_state] != VmPowerState::Halted)
        return bad_power_state(*vm, {VmPowerState::Halted});
      if (attached) return Failure("DEVICE_ALREADY_ATTACHED", {ref});
      return disk_in_use(view, vbd, operation);
    case Op::Plug:
      if (auto failure = attach_state(*vm, attached, false, ref)) return failure;
      if (vbd[VBD::empty]) return Failure("VBD_IS_EMPTY", {ref});
      return disk_in_use(view, vbd, operation);
    case Op::Unplug:
    case Op::UnplugForce:
      if (auto failure = attach_state(*vm, attached, true, ref)) return failure;
      if (cd)
        return Failure("DEVICE_DETACH_REJECTED", {"VBD", ref, "a CD drive cannot be unplugged"});
      if (!vbd[VBD::unpluggable])
        return Failure("DEVICE_DETACH_REJECTED", {"VBD", ref, "the device is not unpluggable"});
      return std::nullopt;
    case Op::Insert:
      if (!cd) return Failure("VBD_NOT_REMOVABLE_MEDIA", {ref});
      if (!vbd[VBD::empty]) return Failure("VBD_NOT_EMPTY", {ref});
      if ((*vm)[VM::power_state] == VmPowerState::Suspended)
        return bad_power_state(*vm, {VmPowerState::Running});
      return std::nullopt;
    case Op::Eject:
      if (!cd) return Failure("VBD_NOT_REMOVABLE_MEDIA", {ref});
      if (vbd[VBD::empty]) return Failure("VBD_IS_EMPTY", {ref});
      if ((*vm)[VM::power_state] == VmPowerState::Suspended)
        return bad_power_state(*vm, {VmPowerState::Running});
      return std::nullopt;
    case Op::Pause:
    case Op::Unpause:
      return Failure("NOT_IMPLEMENTED", {"VBD." + std::string(model::to_string(operation))});
  }
  return std::nullopt;
}

std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<VIF>& vif,
                               model::VifOperations operation) {
  using Op = model::VifOperations;
  const auto vm = view.find(vif[VIF::VM]);
  const std::string ref = vif.ref().str();
  if (!vm) return Failure("HANDLE_INVALID", {"VM", vif[VIF::VM].str()});
  if (auto failure = busy(vif)) return failure;
  if (auto failure = busy(*vm)) return failure;
  const bool attached = vif[VIF::currently_attached];
  switch (operation) {
    case Op::Attach:
      if ((*vm)[VM::power_state] != VmPowerState::Halted)
        return bad_power_state(*vm, {VmPowerState::Halted});
      if (attached) return Failure("DEVICE_ALREADY_ATTACHED", {ref});
      return std::nullopt;
    case Op::Plug:
      return attach_state(*vm, attached, false, ref);
    case Op::Unplug:
      return attach_state(*vm, attached, true, ref);
  }
  return std::nullopt;
}

}  // namespace xcp::xapi
