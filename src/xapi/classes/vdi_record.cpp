// SPDX-License-Identifier: GPL-2.0-or-later
// See vdi.hpp.
#include "xapi/classes/vdi.hpp"

namespace xcp::xapi {

using model::SR;
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
  change.set(ref, VDI::snapshot_of, origin_of(change.view(), info));
  if (!known) return ref;
  change.set(ref, VDI::SR, sr);
  change.set(ref, VDI::location, info.location);
  change.set(ref, VDI::name_label, info.name);
  change.set(ref, VDI::name_description, info.description);
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

void record_allocation(db::Transaction& change, const Ref<SR>& sr) {
  std::int64_t total = 0;
  for (const Ref<VDI>& ref : change.get(sr)[SR::VDIs])
    if (const auto vdi = change.find(ref)) total += (*vdi)[VDI::virtual_size];
  change.set(sr, SR::virtual_allocation, total);
}

}  // namespace xcp::xapi
