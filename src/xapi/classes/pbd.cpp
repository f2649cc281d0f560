// SPDX-License-Identifier: GPL-2.0-or-later
// PBDs: an SR is plugged and unplugged on this host.
#include "xapi/classes/pbd.hpp"

#include "xapi/accessors.hpp"
#include "xapi/classes/sr_scan.hpp"
#include "xapi/handlers/pbd.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/reconcile.hpp"

namespace xcp::xapi {

using model::PBD;
using model::SR;
using model::VBD;
using model::VDI;
using Op = model::StorageOperations;
using TextMap = std::map<std::string, std::string>;

namespace {

void check_unplugged(const db::Object<PBD>& pbd) {
  if (pbd[PBD::currently_attached])
    throw Failure("OPERATION_NOT_ALLOWED", {"The PBD is plugged; unplug it first"});
}

void check_no_disk_in_use(const db::Snapshot& view, const db::Object<SR>& sr) {
  for (const Ref<VDI>& ref : sr[SR::VDIs])
    for (const Ref<VBD>& vbd : view.get(ref)[VDI::VBDs])
      if (view.get(vbd)[VBD::currently_attached])
        throw Failure("VDI_IN_USE", {ref.str(), "unplug"});
}

}  // namespace

void check_this_host(Context& context, const Ref<model::host>& host) {
  context.view().get(host);
  if (host != context.host()) throw Failure("HOST_OFFLINE", {host.str()});
}

std::optional<db::Object<PBD>> pbd_of(const db::Snapshot& view, const db::Object<SR>& sr,
                                      const Ref<model::host>& host) {
  for (const Ref<PBD>& ref : sr[SR::PBDs]) {
    const auto pbd = view.find(ref);
    if (pbd && (*pbd)[PBD::host] == host) return pbd;
  }
  return std::nullopt;
}

model::RecordValue pbd_record(const Ref<model::host>& host, const Ref<SR>& sr,
                              const TextMap& device_config) {
  auto record = empty_record<PBD>();
  record.set(PBD::host, host);
  record.set(PBD::SR, sr);
  record.set(PBD::device_config, device_config);
  return record;
}

Ref<PBD> pbd_create(Context& context, const model::RecordValue& args) {
  const model::RecordValue given = client_record(args);
  const Ref<SR> sr = given.get(PBD::SR);
  const Ref<model::host> host = given.get(PBD::host);
  const OperationLock lock(context, sr, Op::PbdCreate);
  Ref<PBD> ref;
  context.commit([&](db::Transaction& change) {
    change.get(host);
    if (const auto known = pbd_of(change.view(), change.get(sr), host))
      throw Failure("PBD_EXISTS", {sr.str(), host.str(), known->ref().str()});
    ref = change.create<PBD>(given);
  });
  return ref;
}

void pbd_destroy(Context& context, Ref<PBD> self) {
  const OperationLock lock(context, context.view().get(self)[PBD::SR], Op::PbdDestroy);
  context.commit([&](db::Transaction& change) {
    check_unplugged(change.get(self));
    change.destroy(self);
  });
}

void pbd_plug(Context& context, Ref<PBD> self) {
  const Ref<SR> sr = context.view().get(self)[PBD::SR];
  const OperationLock lock(context, sr, Op::Plug);
  const db::Snapshot before = context.view();
  const auto pbd = before.get(self);
  if (pbd[PBD::currently_attached]) return;
  check_this_host(context, pbd[PBD::host]);
  auto content = std::make_shared<SrContent>();
  context.run(plug_pbd_plan(context.services(), sr_spec(before.get(sr), pbd), content),
              [&](db::Transaction& change) {
                change.set(self, PBD::currently_attached, true);
                record_content(change, before, sr, *content);
              });
  context.services().reconciler.poke("");  // what died while the SR was away
}

void pbd_unplug(Context& context, Ref<PBD> self) {
  const Ref<SR> sr = context.view().get(self)[PBD::SR];
  const OperationLock lock(context, sr, Op::Unplug);
  const db::Snapshot view = context.view();
  const auto pbd = view.get(self);
  if (!pbd[PBD::currently_attached]) return;
  check_this_host(context, pbd[PBD::host]);
  check_no_disk_in_use(view, view.get(sr));
  context.run(unplug_pbd_plan(context.services(), sr_spec(view.get(sr), pbd)),
              [&](db::Transaction& change) { change.set(self, PBD::currently_attached, false); });
}

void pbd_set_device_config(Context& context, Ref<PBD> self, TextMap value) {
  context.commit([&](db::Transaction& change) {
    check_unplugged(change.get(self));
    change.set(self, PBD::device_config, value);
  });
}

}  // namespace xcp::xapi
