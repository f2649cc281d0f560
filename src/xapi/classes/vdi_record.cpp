// SPDX-License-Identifier: GPL-2.0-or-later
// See vdi.hpp.
#include "xapi/classes/vdi.hpp"

#include "xapi/operations/operations.hpp"
#include "xapi/plans/drafts.hpp"

namespace xcp::xapi {

using model::SR;
using model::VBD;
using model::VDI;

namespace {

model::VdiType vdi_type(const std::string& text) {
  return model::enum_from_string<model::VdiType>(text).value_or(model::VdiType::User);
}

Ref<VDI> origin_of(const db::Snapshot& view, const sm::VdiInfo& info) {
  if (info.snapshot_of.empty()) return {};
  const auto origin = view.find_uuid<VDI>(info.snapshot_of);
  return origin ? origin->ref() : Ref<VDI>();
}

}  // namespace

model::RecordValue vdi_record(const sm::VdiInfo& info, const Ref<SR>& sr) {
  auto record = empty_record<VDI>();
  record.set(VDI::uuid, info.uuid);
  record.set(VDI::SR, sr);
  record.set(VDI::location, info.location);
  record.set(VDI::name_label, info.name);
  record.set(VDI::name_description, info.description);
  record.set(VDI::type, vdi_type(info.type));
  record.set(VDI::virtual_size, info.virtual_size);
  record.set(VDI::physical_utilisation, info.physical_utilisation);
  record.set(VDI::read_only, info.read_only);
  record.set(VDI::sharable, info.sharable);
  record.set(VDI::is_a_snapshot, info.is_a_snapshot);
  record.set(VDI::snapshot_time, {info.snapshot_time});
  record.set(VDI::sm_config, info.sm_config);
  record.set(VDI::managed, true);
  return record;
}

Ref<VDI> record_vdi(db::Transaction& change, const sm::VdiInfo& info, const Ref<SR>& sr) {
  const auto known = change.view().find_uuid<VDI>(info.uuid);
  const Ref<VDI> ref = known ? known->ref() : change.create<VDI>(vdi_record(info, sr));
  forget_draft(change, sr, info.uuid);
  change.set(ref, VDI::snapshot_of, origin_of(change.view(), info));
  if (!known) return ref;
  change.set(ref, VDI::SR, sr);
  change.set(ref, VDI::location, info.location);
  if (sr_has_feature(change.view(), sr, "VDI_UPDATE")) {
    change.set(ref, VDI::name_label, info.name);
    change.set(ref, VDI::name_description, info.description);
  }
  change.set(ref, VDI::type, vdi_type(info.type));
  change.set(ref, VDI::virtual_size, info.virtual_size);
  change.set(ref, VDI::physical_utilisation, info.physical_utilisation);
  change.set(ref, VDI::read_only, info.read_only);
  change.set(ref, VDI::sharable, info.sharable);
  change.set(ref, VDI::is_a_snapshot, info.is_a_snapshot);
  change.set(ref, VDI::snapshot_time, {info.snapshot_time});
  change.set(ref, VDI::missing, false);
  return ref;
}

Ref<VDI> record_branch(db::Transaction& change, const Ref<VDI>& origin, const sm::VdiInfo& info,
                       const Ref<SR>& sr) {
  const Ref<VDI> ref = record_vdi(change, info, sr);
  const auto from = change.find(origin);
  if (!from) return ref;
  change.set(ref, VDI::other_config, (*from)[VDI::other_config]);
  change.set(ref, VDI::xenstore_data, (*from)[VDI::xenstore_data]);
  change.set(ref, VDI::on_boot, (*from)[VDI::on_boot]);
  change.set(ref, VDI::allow_caching, (*from)[VDI::allow_caching]);
  return ref;
}

void record_sr_state(db::Transaction& change, const Ref<SR>& sr, const sm::SrState& state) {
  if (!change.find(sr)) return;
  change.set(sr, SR::physical_size, state.physical_size);
  change.set(sr, SR::physical_utilisation, state.physical_utilisation);
  change.set(sr, SR::virtual_allocation, state.virtual_allocation);
}

void drop_vdi(db::Transaction& change, const Ref<VDI>& ref) {
  const auto vdi = change.find(ref);
  if (!vdi) return;
  for (const Ref<VBD>& vbd : (*vdi)[VDI::VBDs]) {
    if (change.get(vbd)[VBD::type] != model::VbdType::CD) {
      change.destroy(vbd);
      continue;
    }
    change.set(vbd, VBD::empty, true);
    change.set(vbd, VBD::VDI, Ref<VDI>());
  }
  change.destroy(ref);
}

}  // namespace xcp::xapi
