// SPDX-License-Identifier: GPL-2.0-or-later
// allowed_operations from the refusals, for every object a transaction may have influenced: a VM
// takes its devices along, a VBD its disk, a disk the VMs that may open it, a PBD its SR and the
// disks there.
#include <set>

#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::PBD;
using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

template <class C, class Op>
void derive(db::Transaction& change, const Ref<C>& ref) {
  const auto object = change.find(ref);
  if (!object) return;
  std::vector<Op> allowed;
  const std::size_t count = model::EnumTraits<Op>::desc().values.size();
  for (std::size_t i = 0; i < count; ++i)
    if (!refusal(change.view(), *object, static_cast<Op>(i))) allowed.push_back(static_cast<Op>(i));
  change.set(ref, C::allowed_operations, allowed);
}

struct Affected {
  std::set<Ref<VM>> vms;
  std::set<Ref<VBD>> vbds;
  std::set<Ref<VIF>> vifs;
  std::set<Ref<VDI>> vdis;
  std::set<Ref<SR>> srs;
};

Affected affected_by(const db::Transaction& change) {
  Affected out;
  for (const std::string& ref : change.touched(VM::index)) out.vms.insert(Ref<VM>(ref));
  for (const std::string& ref : change.touched(VBD::index)) out.vbds.insert(Ref<VBD>(ref));
  for (const std::string& ref : change.touched(VIF::index)) out.vifs.insert(Ref<VIF>(ref));
  for (const std::string& ref : change.touched(VDI::index)) out.vdis.insert(Ref<VDI>(ref));
  for (const std::string& ref : change.touched(SR::index)) out.srs.insert(Ref<SR>(ref));
  for (const std::string& ref : change.touched(PBD::index)) {
    const auto pbd = change.find(Ref<PBD>(ref));
    if (!pbd) continue;
    const auto sr = change.find((*pbd)[PBD::SR]);
    if (!sr) continue;
    out.srs.insert(sr->ref());
    for (const Ref<VDI>& vdi : (*sr)[SR::VDIs]) out.vdis.insert(vdi);
  }
  // Who may open a disk depends on what is being done to it.
  for (const std::string& ref : change.touched(VDI::index)) {
    const auto vdi = change.find(Ref<VDI>(ref));
    if (!vdi) continue;
    for (const Ref<VBD>& vbd : (*vdi)[VDI::VBDs]) {
      out.vbds.insert(vbd);
      if (const auto object = change.find(vbd)) out.vms.insert((*object)[VBD::VM]);
    }
  }
  for (const Ref<VM>& ref : out.vms) {
    const auto vm = change.find(ref);
    if (!vm) continue;
    for (const Ref<VBD>& vbd : (*vm)[VM::VBDs]) out.vbds.insert(vbd);
    for (const Ref<VIF>& vif : (*vm)[VM::VIFs]) out.vifs.insert(vif);
  }
  for (const Ref<VBD>& ref : out.vbds)
    if (const auto vbd = change.find(ref))
      if (!(*vbd)[VBD::VDI].is_null()) out.vdis.insert((*vbd)[VBD::VDI]);
  return out;
}

}  // namespace

void derive_allowed_operations(db::Transaction& change) {
  const Affected affected = affected_by(change);
  for (const auto& ref : affected.vms) derive<VM, model::VmOperations>(change, ref);
  for (const auto& ref : affected.vbds) derive<VBD, model::VbdOperations>(change, ref);
  for (const auto& ref : affected.vifs) derive<VIF, model::VifOperations>(change, ref);
  for (const auto& ref : affected.vdis) derive<VDI, model::VdiOperations>(change, ref);
  for (const auto& ref : affected.srs) derive<SR, model::StorageOperations>(change, ref);
}

void reset_operations(db::Store& store) {
  store.commit([](db::Transaction& change) {
    const db::Snapshot view = change.view();
    const auto touch_all = [&](std::uint16_t index) {
      view.rows(index).for_each([&](const db::RowPtr& row) { change.touch(index, row->ref); });
    };
    for (const std::uint16_t index : {VM::index, VBD::index, VIF::index, VDI::index, SR::index})
      touch_all(index);
  });
}

bool is_held_by_reconcile(const Failure& failure) {
  return failure.code() == "OTHER_OPERATION_IN_PROGRESS" && failure.params().size() > 2 &&
         failure.params()[2] == model::to_string(model::VmOperations::PowerStateReset);
}

bool not_implemented(std::string_view class_name, std::string_view message) {
  const model::MessageDesc* found =
      model::find_message(std::string(class_name) + "." + std::string(message));
  return found != nullptr && found->accessor == model::Accessor::None && !found->handled;
}

}  // namespace xcp::xapi
