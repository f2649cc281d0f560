// SPDX-License-Identifier: GPL-2.0-or-later
// VBDs: the place of a disk or a CD drive in a VM, and its connection while the VM runs.
#include "xapi/handlers/vbd.gen.hpp"

#include "xapi/accessors.hpp"
#include "xapi/classes/devices.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/device_plans.hpp"

namespace xcp::xapi {

using model::VBD;
using model::VbdMode;
using model::VbdType;
using model::VDI;
using model::VM;
using model::VmPowerState;
using Op = model::VbdOperations;

namespace {

std::set<std::string> taken_devices(const db::Snapshot& view, const db::Object<VM>& vm) {
  std::set<std::string> taken;
  for (const Ref<VBD>& ref : vm[VM::VBDs]) taken.insert(view.get(ref)[VBD::userdevice]);
  return taken;
}

std::string place_for(const db::Snapshot& view, const db::Object<VM>& vm,
                      const std::string& wanted) {
  const auto taken = taken_devices(view, vm);
  if (wanted.empty() || wanted == "autodetect") return free_device(taken, disk_places);
  const std::string place = device_number(wanted);
  if (taken.contains(place)) throw Failure("DEVICE_ALREADY_EXISTS", {place});
  return place;
}

void check_medium(const db::Snapshot& view, const model::RecordValue& vbd) {
  const bool cd = vbd.get(VBD::type) == VbdType::CD;
  const bool writes = vbd.get(VBD::mode) == VbdMode::RW;
  if (cd && writes) throw Failure("VBD_CDS_MUST_BE_READONLY");
  if (vbd.get(VBD::empty)) {
    if (!cd) throw Failure("INVALID_VALUE", {"empty", "true: only a CD drive can be empty"});
    return;
  }
  const auto vdi = view.get(vbd.get(VBD::VDI));
  if (!vdi[VDI::managed]) throw Failure("VDI_NOT_MANAGED", {vdi.ref().str()});
  if (vdi[VDI::missing]) throw Failure("VDI_MISSING", {vdi[VDI::SR].str(), vdi.ref().str()});
  if (writes && vdi[VDI::read_only]) throw Failure("VDI_READONLY", {vdi.ref().str()});
}

void record_medium(db::Transaction& change, const Ref<VBD>& vbd, const Ref<VDI>& medium) {
  change.set(vbd, VBD::VDI, medium);
  change.set(vbd, VBD::empty, medium.is_null());
}

void unplug(Context& context, const Ref<VBD>& self, Op operation) {
  const OperationLock lock(context, self, operation);
  const db::Snapshot view = context.view();
  const auto vbd = view.get(self);
  run_device_plan(context, vbd[VBD::VM], unplug_vbd_plan(context.services(), view, vbd));
}

// Settings that a guest has been told already.
void check_not_attached(const db::Object<VBD>& vbd) {
  if (auto failure = busy(vbd)) throw *failure;
  if (vbd[VBD::currently_attached]) throw Failure("DEVICE_ALREADY_ATTACHED", {vbd.ref().str()});
}

}  // namespace

Ref<VBD> vbd_create(Context& context, const model::RecordValue& args) {
  model::RecordValue record = client_record(args);
  Ref<VBD> ref;
  context.commit([&](db::Transaction& change) {
    const auto vm = change.get(record.get(VBD::VM));
    check_devices_may_change(vm);
    if (record.get(VBD::empty)) record.set(VBD::VDI, Ref<VDI>());
    check_medium(change.view(), record);
    record.set(VBD::userdevice, place_for(change.view(), vm, record.get(VBD::userdevice)));
    record.set(VBD::device, "");
    record.set(VBD::currently_attached, false);
    ref = change.create<VBD>(record);
  });
  return ref;
}

void vbd_destroy(Context& context, Ref<VBD> self) {
  context.commit([&](db::Transaction& change) {
    const auto vbd = change.get(self);
    const auto vm = change.get(vbd[VBD::VM]);
    if (vbd[VBD::currently_attached])
      throw Failure("OPERATION_NOT_ALLOWED", {"VBD " + vbd[VBD::uuid] + " is still attached to " +
                                              vm[VM::name_label] + "; unplug it first"});
    if (auto failure = busy(vbd)) throw *failure;
    check_devices_may_change(vm);
    change.destroy(self);
  });
}

void vbd_plug(Context& context, Ref<VBD> self) {
  const OperationLock lock(context, self, Op::Plug);
  const db::Snapshot view = context.view();
  const auto vbd = view.get(self);
  run_device_plan(context, vbd[VBD::VM], plug_vbd_plan(context.services(), view, vbd));
}

void vbd_unplug(Context& context, Ref<VBD> self) {
  unplug(context, self, Op::Unplug);
}

// No hypervisor here takes a disk away without the guest's help: when the guest does not let go,
// the call fails and the disk stays.
void vbd_unplug_force(Context& context, Ref<VBD> self) {
  unplug(context, self, Op::UnplugForce);
}

void vbd_insert(Context& context, Ref<VBD> vbd, Ref<VDI> vdi) {
  const OperationLock lock(context, vbd, Op::Insert);
  const db::Snapshot view = context.view();
  const auto drive = view.get(vbd);
  const auto medium = view.get(vdi);
  if (auto failure = busy(medium)) throw *failure;
  if (medium[VDI::missing]) throw Failure("VDI_MISSING", {medium[VDI::SR].str(), vdi.str()});
  context.run(drive[VBD::currently_attached]
                  ? insert_medium_plan(context.services(), view, drive, medium)
                  : Plan("VBD.insert"),
              [&](db::Transaction& change) { record_medium(change, vbd, vdi); });
}

void vbd_eject(Context& context, Ref<VBD> vbd) {
  const OperationLock lock(context, vbd, Op::Eject);
  const db::Snapshot view = context.view();
  const auto drive = view.get(vbd);
  context.run(drive[VBD::currently_attached] ? eject_medium_plan(context.services(), view, drive)
                                             : Plan("VBD.eject"),
              [&](db::Transaction& change) { record_medium(change, vbd, Ref<VDI>()); });
}

void vbd_assert_attachable(Context& context, Ref<VBD> self) {
  const db::Snapshot view = context.view();
  const auto vbd = view.get(self);
  const Op operation = is_up(view.get(vbd[VBD::VM])[VM::power_state]) ? Op::Plug : Op::Attach;
  if (const auto failure = refusal(view, vbd, operation)) throw *failure;
}

void vbd_set_mode(Context& context, Ref<VBD> self, VbdMode value) {
  context.commit([&](db::Transaction& change) {
    const auto vbd = change.get(self);
    const auto vm = change.get(vbd[VBD::VM]);
    if (vm[VM::power_state] != VmPowerState::Halted)
      throw Failure("VM_BAD_POWER_STATE", {vm.ref().str(), "halted", "running"});
    if (auto failure = busy(vm)) throw *failure;
    model::RecordValue record{VBD::index, vbd.row()->fields};
    record.set(VBD::mode, value);
    check_medium(change.view(), record);
    change.set(self, VBD::mode, value);
  });
}

void vbd_set_type(Context& context, Ref<VBD> self, VbdType value) {
  context.commit([&](db::Transaction& change) {
    const auto vbd = change.get(self);
    check_not_attached(vbd);
    model::RecordValue record{VBD::index, vbd.row()->fields};
    record.set(VBD::type, value);
    check_medium(change.view(), record);
    change.set(self, VBD::type, value);
  });
}

void vbd_set_userdevice(Context& context, Ref<VBD> self, std::string value) {
  context.commit([&](db::Transaction& change) {
    const auto vbd = change.get(self);
    check_not_attached(vbd);
    const auto vm = change.get(vbd[VBD::VM]);
    check_devices_may_change(vm);
    if (value != "autodetect" && device_number(value) == vbd[VBD::userdevice]) return;
    change.set(self, VBD::userdevice, place_for(change.view(), vm, value));
  });
}

std::vector<std::string> vm_get_allowed_vbd_devices(Context& context, Ref<VM> vm) {
  const db::Snapshot view = context.view();
  return free_devices(taken_devices(view, view.get(vm)), disk_places);
}

}  // namespace xcp::xapi
