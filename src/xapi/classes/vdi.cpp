// SPDX-License-Identifier: GPL-2.0-or-later
// VDIs: lock the SR and the disk, let the storage daemon act, record what it told in one commit.
#include "xapi/classes/vdi.hpp"

#include "xapi/accessors.hpp"
#include "xapi/handlers/vdi.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/drafts.hpp"
#include "xapi/plans/storage_plans.hpp"

namespace xcp::xapi {

using model::SR;
using model::VDI;
using model::VM;
using Op = model::VdiOperations;
using SrOp = model::StorageOperations;
using TextMap = std::map<std::string, std::string>;

namespace {

// An operation on a disk is one on its SR as well: the SR stays plugged while it runs.
class DiskLock {
 public:
  DiskLock(Context& context, const Ref<VDI>& vdi, Op operation, SrOp sr_operation)
      : sr_(context, context.view().get(vdi)[VDI::SR], sr_operation),
        vdi_(context, vdi, operation) {}

 private:
  OperationLock<SR, SrOp> sr_;
  OperationLock<VDI, Op> vdi_;
};

struct Place {
  Ref<SR> sr;
  std::string sr_uuid;
  std::string vdi_uuid;
};

Place place_of(const db::Snapshot& view, const Ref<VDI>& ref) {
  const auto vdi = view.get(ref);
  const Ref<SR> sr = vdi[VDI::SR];
  return {sr, view.get(sr)[SR::uuid], vdi[VDI::uuid]};
}

Cancelled cancelled(Context& context) {
  return [&context] { return context.cancelled(); };
}

// Runs a plan that changes a disk and records what it became.
void run_change(Context& context, const Plan& plan, const Ref<SR>& sr, const StoredDiskPtr& disk) {
  context.run(plan, [&](db::Transaction& change) {
    record_vdi(change, disk->info, sr);
    record_sr_state(change, sr, disk->sr);
  });
}

// Runs a plan that makes a disk after `origin`.
Ref<VDI> run_branch(Context& context, const Plan& plan, const Ref<VDI>& origin, const Ref<SR>& sr,
                    const StoredDiskPtr& disk) {
  Ref<VDI> made;
  context.run(plan, [&](db::Transaction& change) {
    made = record_branch(change, origin, disk->info, sr);
    record_sr_state(change, sr, disk->sr);
  });
  return made;
}

sm::VdiSpec spec_of(const model::RecordValue& given) {
  sm::VdiSpec spec;
  spec.uuid = make_uuid();
  spec.name = given.get(VDI::name_label);
  spec.description = given.get(VDI::name_description);
  spec.type = std::string(model::to_string(given.get(VDI::type)));
  spec.virtual_size = given.get(VDI::virtual_size);
  spec.sharable = given.get(VDI::sharable);
  spec.read_only = given.get(VDI::read_only);
  spec.sm_config = given.get(VDI::sm_config);
  return spec;
}

// A copy, snapshot or clone takes its names from its origin.
sm::VdiSpec fresh_names() {
  sm::VdiSpec names;
  names.uuid = make_uuid();
  return names;
}

Ref<VDI> branch(Context& context, const Ref<VDI>& vdi, Branch kind, Op operation,
                SrOp sr_operation) {
  const DiskLock lock(context, vdi, operation, sr_operation);
  const db::Snapshot view = context.view();
  const BranchedDisk disk{vdi, "", fresh_names(), std::make_shared<StoredDisk>()};
  const Drafts drafts(context, {{view.get(vdi)[VDI::SR], disk.names.uuid}});
  return run_branch(context, branch_vdi_plan(context.services(), view, kind, disk), vdi,
                    view.get(vdi)[VDI::SR], disk.made);
}

// `before`: the same keys with the values they have.
void change_stored(Context& context, const Ref<VDI>& vdi, const sm::Config& changes,
                   const sm::Config& before) {
  const DiskLock lock(context, vdi, Op::Update, SrOp::VdiUpdate);
  const Place place = place_of(context.view(), vdi);
  auto changed = std::make_shared<StoredDisk>();
  run_change(
      context,
      set_vdi_plan(context.services(), place.sr_uuid, place.vdi_uuid, changes, before, changed),
      place.sr, changed);
}

std::string flag_text(bool value) {
  return value ? "true" : "false";
}

// Where the SR keeps no names they are in the database alone.
void set_name(Context& context, const Ref<VDI>& self, model::Field<VDI, std::string> field,
              const char* key, const std::string& value) {
  if (sr_has_feature(context.view(), context.view().get(self)[VDI::SR], "VDI_UPDATE"))
    change_stored(context, self, {{key, value}}, {{key, context.view().get(self)[field]}});
  else
    context.commit([&](db::Transaction& change) { change.set(self, field, value); });
}

void refuse_suspend_image(const db::Snapshot& view, const Ref<VDI>& vdi) {
  if (view.find_if<VM>([&](const db::Object<VM>& vm) { return vm[VM::suspend_VDI] == vdi; }))
    throw Failure("VDI_IN_USE", {vdi.str(), "destroy"});
}

}  // namespace

Ref<VDI> vdi_create(Context& context, const model::RecordValue& args) {
  const model::RecordValue given = client_record(args);
  const Ref<SR> sr = given.get(VDI::SR);
  const OperationLock lock(context, sr, SrOp::VdiCreate);
  const sm::VdiSpec spec = spec_of(given);
  const Drafts drafts(context, {{sr, spec.uuid}});
  auto made = std::make_shared<StoredDisk>();
  Ref<VDI> vdi;
  context.run(create_vdi_plan(context.services(), context.view().get(sr)[SR::uuid], spec,
                              cancelled(context), made),
              [&](db::Transaction& change) {
                vdi = record_vdi(change, made->info, sr);
                change.set(vdi, VDI::other_config, given.get(VDI::other_config));
                change.set(vdi, VDI::xenstore_data, given.get(VDI::xenstore_data));
                change.set(vdi, VDI::tags, given.get(VDI::tags));
                record_sr_state(change, sr, made->sr);
              });
  return vdi;
}

void vdi_destroy(Context& context, Ref<VDI> self) {
  const DiskLock lock(context, self, Op::Destroy, SrOp::VdiDestroy);
  const db::Snapshot view = context.view();
  refuse_suspend_image(view, self);
  const Place place = place_of(view, self);
  auto gone = std::make_shared<StoredDisk>();
  context.run(destroy_vdi_plan(context.services(), place.sr_uuid, place.vdi_uuid, gone),
              [&](db::Transaction& change) {
                drop_vdi(change, self);
                record_sr_state(change, place.sr, gone->sr);
              });
}

Ref<VDI> vdi_snapshot(Context& context, Ref<VDI> vdi, TextMap) {
  return branch(context, vdi, Branch::snapshot, Op::Snapshot, SrOp::VdiSnapshot);
}

Ref<VDI> vdi_clone(Context& context, Ref<VDI> vdi, TextMap) {
  return branch(context, vdi, Branch::clone, Op::Clone, SrOp::VdiClone);
}

Ref<VDI> vdi_copy(Context& context, Ref<VDI> vdi, Ref<SR> sr, Ref<VDI> base_vdi,
                  Ref<VDI> into_vdi) {
  if (!base_vdi.is_null() || !into_vdi.is_null())
    throw Failure("NOT_IMPLEMENTED", {"VDI.copy into a disk or from a base"});
  const DiskLock lock(context, vdi, Op::Copy, SrOp::VdiCopy);
  const OperationLock target_lock(context, sr, SrOp::VdiCreate);
  const db::Snapshot view = context.view();
  const Place from = place_of(view, vdi);
  const sm::VdiSpec names = fresh_names();
  const Drafts drafts(context, {{sr, names.uuid}});
  auto made = std::make_shared<StoredDisk>();
  return run_branch(context,
                    copy_vdi_plan(context.services(), from.sr_uuid, from.vdi_uuid,
                                  view.get(sr)[SR::uuid], names, cancelled(context), made),
                    vdi, sr, made);
}

void vdi_resize(Context& context, Ref<VDI> vdi, std::int64_t size) {
  const DiskLock lock(context, vdi, Op::Resize, SrOp::VdiResize);
  const Place place = place_of(context.view(), vdi);
  auto changed = std::make_shared<StoredDisk>();
  run_change(context,
             resize_vdi_plan(context.services(), place.sr_uuid, place.vdi_uuid, size, changed),
             place.sr, changed);
}

void vdi_revert(Context& context, Ref<VDI> snapshot) {
  const db::Snapshot view = context.view();
  const Ref<VDI> vdi = view.get(snapshot)[VDI::snapshot_of];
  if (!view.find(vdi))
    throw Failure("OPERATION_NOT_ALLOWED", {"The disk this is a snapshot of is not known"});
  const DiskLock from_lock(context, snapshot, Op::RevertFrom, SrOp::VdiRevert);
  const OperationLock lock(context, vdi, Op::RevertTo);
  const Place place = place_of(view, vdi);
  auto changed = std::make_shared<StoredDisk>();
  run_change(context,
             revert_vdi_plan(context.services(), place.sr_uuid, place.vdi_uuid,
                             view.get(snapshot)[VDI::uuid], changed),
             place.sr, changed);
}

void vdi_update(Context& context, Ref<VDI> vdi) {
  const auto object = context.view().get(vdi);
  change_stored(context, vdi,
                {{"name", object[VDI::name_label]}, {"description", object[VDI::name_description]}},
                {});
}

void vdi_forget(Context& context, Ref<VDI> vdi) {
  const DiskLock lock(context, vdi, Op::Forget, SrOp::VdiForget);
  context.commit([&](db::Transaction& change) { drop_vdi(change, vdi); });
}

Ref<VDI> vdi_introduce(Context& context, std::string uuid, std::string name_label,
                       std::string name_description, Ref<SR> sr, model::VdiType, bool, bool,
                       TextMap other_config, std::string location, TextMap xenstore_data, TextMap,
                       bool, std::int64_t, std::int64_t, Ref<model::pool>, bool, model::DateTime,
                       Ref<VDI>) {
  const OperationLock lock(context, sr, SrOp::VdiIntroduce);
  auto content = std::make_shared<SrContent>();
  context.run(scan_sr_plan(context.services(), context.view().get(sr)[SR::uuid], content));
  std::erase_if(content->vdis, [&](const sm::VdiInfo& info) {
    return info.uuid != uuid && (location.empty() || info.location != location);
  });
  if (content->vdis.empty()) throw Failure("VDI_LOCATION_MISSING", {sr.str(), location});
  const sm::VdiInfo& info = content->vdis.front();
  Ref<VDI> vdi;
  context.commit([&](db::Transaction& change) {
    if (change.view().find_uuid<VDI>(info.uuid))
      throw Failure("DB_UNIQUENESS_CONSTRAINT_VIOLATION", {"VDI", "uuid", info.uuid});
    vdi = record_vdi(change, info, sr);
    change.set(vdi, VDI::other_config, other_config);
    change.set(vdi, VDI::xenstore_data, xenstore_data);
    record_sr_state(change, sr, content->state);
  });
  if (!name_label.empty()) set_name(context, vdi, VDI::name_label, "name", name_label);
  if (!name_description.empty())
    set_name(context, vdi, VDI::name_description, "description", name_description);
  return vdi;
}

void vdi_set_name_label(Context& context, Ref<VDI> self, std::string value) {
  set_name(context, self, VDI::name_label, "name", value);
}

void vdi_set_name_description(Context& context, Ref<VDI> self, std::string value) {
  set_name(context, self, VDI::name_description, "description", value);
}

void vdi_set_read_only(Context& context, Ref<VDI> self, bool value) {
  const bool before = context.view().get(self)[VDI::read_only];
  change_stored(context, self, {{"read_only", flag_text(value)}},
                {{"read_only", flag_text(before)}});
}

void vdi_set_sharable(Context& context, Ref<VDI> self, bool value) {
  const bool before = context.view().get(self)[VDI::sharable];
  change_stored(context, self, {{"sharable", flag_text(value)}}, {{"sharable", flag_text(before)}});
}

}  // namespace xcp::xapi
