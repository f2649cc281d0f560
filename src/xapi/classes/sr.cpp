// SPDX-License-Identifier: GPL-2.0-or-later
// SRs: made, introduced, forgotten and destroyed. The pool's default SR is never chosen here, not
// even for the first SR: a pool that has none says so (DEFAULT_SR_NOT_FOUND) until an administrator
// sets pool.default_SR, and no disk lands where nobody wanted it.
#include "xapi/handlers/sr.gen.hpp"

#include <algorithm>

#include "xapi/classes/pbd.hpp"
#include "xapi/classes/sr_scan.hpp"
#include "xapi/classes/vdi.hpp"
#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::PBD;
using model::SM;
using model::SR;
using model::VDI;
using Op = model::StorageOperations;
using TextMap = std::map<std::string, std::string>;

namespace {

void check_driver(const db::Snapshot& view, const std::string& type) {
  const auto driver = view.find_if<SM>(
      [&](const db::Object<SM>& candidate) { return candidate[SM::type] == type; });
  if (!driver) throw Failure("SR_UNKNOWN_DRIVER", {type});
}

model::RecordValue sr_record(const std::string& uuid, const std::string& name,
                             const std::string& description, const std::string& type,
                             const std::string& content_type, bool shared,
                             const TextMap& sm_config) {
  auto record = empty_record<SR>();
  record.set(SR::uuid, uuid);
  record.set(SR::name_label, name);
  record.set(SR::name_description, description);
  record.set(SR::type, type);
  record.set(SR::content_type,
             !content_type.empty() ? content_type : (type == "iso" ? "iso" : "user"));
  record.set(SR::shared, shared);
  record.set(SR::sm_config, sm_config);
  record.set(SR::default_vdi_visibility, true);
  return record;
}

// The objects of an SR whose disks are gone or shall not be seen any more.
void drop_sr(db::Transaction& change, const Ref<SR>& ref) {
  const auto sr = change.find(ref);
  if (!sr) return;
  for (const Ref<VDI>& vdi : (*sr)[SR::VDIs]) drop_vdi(change, vdi);
  for (const Ref<PBD>& pbd : (*sr)[SR::PBDs]) change.destroy(pbd);
  change.destroy(ref);
}

void set_name(Context& context, const Ref<SR>& sr, model::Field<SR, std::string> field,
              const std::string& value) {
  context.commit([&](db::Transaction& change) { change.set(sr, field, value); });
}

}  // namespace

Ref<SR> sr_create(Context& context, Ref<model::host> host, TextMap device_config,
                  std::int64_t physical_size, std::string name_label, std::string name_description,
                  std::string type, std::string content_type, bool shared, TextMap sm_config) {
  check_this_host(context, host);
  const db::Snapshot before = context.view();
  check_driver(before, type);
  const sm::SrSpec spec{make_uuid(), type, device_config, name_label, name_description};
  auto content = std::make_shared<SrContent>();
  Ref<SR> sr;
  context.run(create_sr_plan(context.services(), spec, physical_size, content),
              [&](db::Transaction& change) {
                sr = change.create<SR>(sr_record(spec.uuid, name_label, name_description, type,
                                                 content_type, shared, sm_config));
                const Ref<PBD> pbd = change.create<PBD>(pbd_record(host, sr, device_config));
                change.set(pbd, PBD::currently_attached, true);
                record_content(change, before, sr, *content);
              });
  return sr;
}

Ref<SR> sr_introduce(Context& context, std::string uuid, std::string name_label,
                     std::string name_description, std::string type, std::string content_type,
                     bool shared, TextMap sm_config) {
  if (!is_uuid(uuid)) throw Failure("UUID_INVALID", {"SR", uuid});
  check_driver(context.view(), type);
  Ref<SR> sr;
  context.commit([&](db::Transaction& change) {
    if (change.view().find_uuid<SR>(uuid)) throw Failure("SR_UUID_EXISTS", {uuid});
    sr = change.create<SR>(
        sr_record(uuid, name_label, name_description, type, content_type, shared, sm_config));
  });
  return sr;
}

void sr_destroy(Context& context, Ref<SR> sr) {
  const OperationLock lock(context, sr, Op::Destroy);
  const db::Snapshot view = context.view();
  const auto object = view.get(sr);
  const auto other_config = object[SR::other_config];
  if (const auto found = other_config.find("indestructible");
      found != other_config.end() && found->second == "true")
    throw Failure("SR_INDESTRUCTIBLE", {sr.str()});
  const auto pbd = pbd_of(view, object, context.host());
  if (!pbd) throw Failure("SR_HAS_NO_PBDS", {sr.str()});
  context.run(destroy_sr_plan(context.services(), sr_spec(object, *pbd)),
              [&](db::Transaction& change) { drop_sr(change, sr); });
}

void sr_forget(Context& context, Ref<SR> sr) {
  const OperationLock lock(context, sr, Op::Forget);
  context.commit([&](db::Transaction& change) { drop_sr(change, sr); });
}

std::vector<std::string> sr_get_supported_types(Context& context) {
  std::vector<std::string> types;
  for (const auto& driver : context.view().all<SM>()) types.push_back(driver[SM::type]);
  std::sort(types.begin(), types.end());
  return types;
}

void sr_set_shared(Context& context, Ref<SR> sr, bool value) {
  context.commit([&](db::Transaction& change) {
    const auto pbds = change.get(sr)[SR::PBDs];
    if (!value && pbds.size() > 1) throw Failure("SR_HAS_MULTIPLE_PBDS", {pbds.front().str()});
    change.set(sr, SR::shared, value);
  });
}

void sr_set_name_label(Context& context, Ref<SR> sr, std::string value) {
  set_name(context, sr, SR::name_label, value);
}

void sr_set_name_description(Context& context, Ref<SR> sr, std::string value) {
  set_name(context, sr, SR::name_description, value);
}

void sr_set_physical_size(Context& context, Ref<SR> self, std::int64_t value) {
  if (value < 0) throw Failure("INVALID_VALUE", {"physical_size", std::to_string(value)});
  context.commit([&](db::Transaction& change) { change.set(self, SR::physical_size, value); });
}

std::vector<Ref<model::host>> sr_get_live_hosts(Context& context, Ref<SR> sr) {
  const db::Snapshot view = context.view();
  std::vector<Ref<model::host>> hosts;
  for (const Ref<PBD>& ref : view.get(sr)[SR::PBDs]) {
    const auto pbd = view.get(ref);
    const auto host = view.get(pbd[PBD::host]);
    const auto metrics = view.find(host[model::host::metrics]);
    const bool live = metrics && (*metrics)[model::host_metrics::live];
    if (pbd[PBD::currently_attached] && live && host[model::host::enabled])
      hosts.push_back(host.ref());
  }
  return hosts;
}

}  // namespace xcp::xapi
