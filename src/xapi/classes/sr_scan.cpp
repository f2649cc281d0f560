// SPDX-License-Identifier: GPL-2.0-or-later
// SR.scan and SR.update.
#include "xapi/classes/sr_scan.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "xapi/classes/vdi.hpp"
#include "xapi/handlers/sr.gen.hpp"
#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::SR;
using model::VDI;
using model::VM;
using Op = model::StorageOperations;

namespace {

bool has_operation(const db::Transaction& change, const std::string& uuid) {
  const auto vdi = change.view().find_uuid<VDI>(uuid);
  return vdi && !(*vdi)[VDI::current_operations].empty();
}

// Somebody removed the record while the storage was being read.
bool forgotten_meanwhile(const db::Transaction& change, const db::Snapshot& before,
                         const std::string& uuid) {
  return before.find_uuid<VDI>(uuid) && !change.view().find_uuid<VDI>(uuid);
}

bool is_suspend_image(const db::Snapshot& view, const Ref<VDI>& vdi) {
  return view.find_if<VM>([&](const db::Object<VM>& vm) { return vm[VM::suspend_VDI] == vdi; })
      .has_value();
}

void record_missing(db::Transaction& change, const Ref<VDI>& ref) {
  const auto vdi = change.find(ref);
  if (!vdi || !(*vdi)[VDI::current_operations].empty()) return;
  const bool used = !(*vdi)[VDI::VBDs].empty() || is_suspend_image(change.view(), ref);
  if (used)
    change.set(ref, VDI::missing, true);
  else
    drop_vdi(change, ref);
}

}  // namespace

void record_content(db::Transaction& change, const db::Snapshot& before, const Ref<SR>& sr,
                    const SrContent& content) {
  const auto known = before.find(sr);
  std::set<std::string> found;
  std::vector<const sm::VdiInfo*> told;
  // Noted before the storage was read, or since.
  std::set<std::string> drafts;
  for (const auto& object : {known, change.find(sr)})
    if (object) std::ranges::copy((*object)[SR::drafts], std::inserter(drafts, drafts.end()));
  for (const sm::VdiInfo& info : content.vdis) {
    found.insert(info.uuid);
    if (!has_operation(change, info.uuid) && !forgotten_meanwhile(change, before, info.uuid) &&
        !drafts.contains(info.uuid))
      told.push_back(&info);
  }
  for (const sm::VdiInfo* info : told) record_vdi(change, *info, sr);
  // Once more, because the disk that one is a snapshot of may have come after it.
  for (const sm::VdiInfo* info : told)
    if (!info->snapshot_of.empty()) record_vdi(change, *info, sr);
  if (known)
    for (const Ref<VDI>& ref : (*known)[SR::VDIs])
      if (!found.contains(before.get(ref)[VDI::uuid])) record_missing(change, ref);
  record_sr_state(change, sr, content.state);
}

void scan_sr(Services& services, const Ref<SR>& sr) {
  const db::Snapshot before = services.store.snapshot();
  const SrContent content = read_sr(services.storage, before.get(sr)[SR::uuid]);
  services.store.commit([&](db::Transaction& change) {
    if (change.find(sr)) record_content(change, before, sr, content);
  });
}

void sr_scan(Context& context, Ref<SR> sr) {
  const OperationLock lock(context, sr, Op::Scan);
  const db::Snapshot before = context.view();
  auto content = std::make_shared<SrContent>();
  context.run(scan_sr_plan(context.services(), before.get(sr)[SR::uuid], content),
              [&](db::Transaction& change) { record_content(change, before, sr, *content); });
}

void sr_update(Context& context, Ref<SR> sr) {
  const OperationLock lock(context, sr, Op::Update);
  const std::string uuid = context.view().get(sr)[SR::uuid];
  sm::SrState state;
  Plan plan("SR.update");
  plan.step("read sizes", 1, [&] { state = context.services().storage.sr_state(uuid); });
  context.run(plan, [&](db::Transaction& change) { record_sr_state(change, sr, state); });
}

}  // namespace xcp::xapi
