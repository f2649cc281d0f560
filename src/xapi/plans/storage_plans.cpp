// SPDX-License-Identifier: GPL-2.0-or-later
// See storage_plans.hpp. A step that made something is undone also when it failed: the daemon may
// have done it and died before it could say so.
#include "xapi/plans/storage_plans.hpp"

#include <set>

#include "base/failure.hpp"
#include "xapi/plans/disk_plans.hpp"
#include "xapi/plans/transfer_watch.hpp"
#include "xapi/plans/vm_spec.hpp"
#include "xapi/reconcile.hpp"

namespace xcp::xapi {

using model::PBD;
using model::SR;
using model::VBD;
using model::VDI;
using model::VM;

// ---- SRs --------------------------------------------------------------------------------------

SrContent read_sr(sm::Storage& storage, const std::string& sr) {
  SrContent content;
  content.vdis = storage.sr_scan(sr);
  content.state = storage.sr_state(sr);
  return content;
}

sm::SrSpec sr_spec(const db::Object<SR>& sr, const db::Object<PBD>& pbd) {
  return {sr[SR::uuid], sr[SR::type], pbd[PBD::device_config], sr[SR::name_label],
          sr[SR::name_description]};
}

namespace {

bool is_plugged(sm::Storage& storage, const std::string& sr) {
  for (const std::string& plugged : storage.srs())
    if (plugged == sr) return true;
  return false;
}

void unplug_if_plugged(sm::Storage& storage, const std::string& sr) {
  if (is_plugged(storage, sr)) storage.sr_unplug(sr);
}

// Takes back sr_create, whether it got to its end or not.
void remove_made_sr(sm::Storage& storage, const sm::SrSpec& spec) {
  try {
    storage.sr_plug(spec);
  } catch (const Failure&) {
    return;  // what cannot be plugged under its fresh uuid was not made
  }
  storage.sr_destroy(spec);
}

void add_read_step(Plan& plan, Services& services, const std::string& sr,
                   std::shared_ptr<SrContent> content) {
  plan.step("read contents", 1,
            [&services, sr, content] { *content = read_sr(services.storage, sr); });
}

void add_plug_step(Plan& plan, Services& services, const sm::SrSpec& spec) {
  plan.step(
      "plug SR", 2, [&services, spec] { services.storage.sr_plug(spec); },
      [&services, sr = spec.uuid] { unplug_if_plugged(services.storage, sr); });
}

}  // namespace

Plan create_sr_plan(Services& services, const sm::SrSpec& spec, std::int64_t size,
                    std::shared_ptr<SrContent> content) {
  Plan plan("SR.create");
  plan.step(
      "make SR", 5, [&services, spec, size] { services.storage.sr_create(spec, size); },
      [&services, spec] { remove_made_sr(services.storage, spec); });
  add_plug_step(plan, services, spec);
  add_read_step(plan, services, spec.uuid, std::move(content));
  return plan;
}

Plan destroy_sr_plan(Services& services, const sm::SrSpec& spec) {
  Plan plan("SR.destroy");
  add_plug_step(plan, services, spec);
  plan.step("destroy SR", 5, [&services, spec] { services.storage.sr_destroy(spec); });
  return plan;
}

Plan plug_pbd_plan(Services& services, const sm::SrSpec& spec, std::shared_ptr<SrContent> content) {
  Plan plan("PBD.plug");
  add_plug_step(plan, services, spec);
  add_read_step(plan, services, spec.uuid, std::move(content));
  return plan;
}

Plan unplug_pbd_plan(Services& services, const sm::SrSpec& spec) {
  Plan plan("PBD.unplug");
  plan.step(
      "unplug SR", 1, [&services, spec] { unplug_if_plugged(services.storage, spec.uuid); },
      [&services, spec] { services.storage.sr_plug(spec); });
  return plan;
}

Plan scan_sr_plan(Services& services, const std::string& sr, std::shared_ptr<SrContent> content) {
  Plan plan("SR.scan");
  add_read_step(plan, services, sr, std::move(content));
  return plan;
}

// ---- VDIs -------------------------------------------------------------------------------------

namespace {

void add_state_step(Plan& plan, Services& services, const std::string& sr, StoredDiskPtr disk) {
  plan.step("read sizes", 1, [&services, sr, disk] { disk->sr = services.storage.sr_state(sr); });
}

}  // namespace

Plan create_vdi_plan(Services& services, const std::string& sr, const sm::VdiSpec& spec,
                     const Cancelled& cancelled, StoredDiskPtr made) {
  Plan plan("VDI.create");
  plan.long_step(
      "create disk", 20,
      [&services, sr, spec, cancelled, made](const std::function<void(double)>& progress) {
        std::optional<TransferWatch> watch;
        if (spec.sm_config.contains("image"))
          watch.emplace(services.storage, spec.uuid, progress, cancelled);
        made->info = services.storage.vdi_create(sr, spec);
      },
      [&services, sr, vdi = spec.uuid] { destroy_if_there(services.storage, sr, vdi); });
  add_state_step(plan, services, sr, made);
  return plan;
}

Plan copy_vdi_plan(Services& services, const std::string& from_sr, const std::string& vdi,
                   const std::string& to_sr, const sm::VdiSpec& names, const Cancelled& cancelled,
                   StoredDiskPtr made) {
  Plan plan("VDI.copy");
  plan.long_step(
      "copy disk", 100,
      [&services, from_sr, vdi, to_sr, names, cancelled,
       made](const std::function<void(double)>& progress) {
        const TransferWatch watch(services.storage, names.uuid, progress, cancelled);
        made->info = services.storage.vdi_copy(from_sr, vdi, to_sr, names);
      },
      [&services, to_sr, copy = names.uuid] { destroy_if_there(services.storage, to_sr, copy); });
  add_state_step(plan, services, to_sr, made);
  return plan;
}

Plan destroy_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                      StoredDiskPtr gone) {
  Plan plan("VDI.destroy");
  // What is lost cannot be brought back, so nothing that can fail comes after it.
  plan.step("destroy disk", 1, [&services, sr, vdi, gone] {
    destroy_if_there(services.storage, sr, vdi);
    gone->sr = services.storage.sr_state(sr);
  });
  return plan;
}

Plan resize_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                     std::int64_t virtual_size, StoredDiskPtr changed) {
  Plan plan("VDI.resize");
  plan.step("resize disk", 1, [&services, sr, vdi, virtual_size, changed] {
    changed->info = services.storage.vdi_resize(sr, vdi, virtual_size);
    changed->sr = services.storage.sr_state(sr);
  });
  return plan;
}

Plan revert_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                     const std::string& snapshot, StoredDiskPtr changed) {
  Plan plan("VDI.revert");
  plan.step("revert disk", 1, [&services, sr, vdi, snapshot, changed] {
    changed->info = services.storage.vdi_revert(sr, vdi, snapshot);
    changed->sr = services.storage.sr_state(sr);
  });
  return plan;
}

Plan set_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                  const sm::Config& changes, const sm::Config& before, StoredDiskPtr changed) {
  Plan plan("VDI.update");
  plan.step(
      "update disk", 1,
      [&services, sr, vdi, changes, changed] {
        changed->info = services.storage.vdi_set(sr, vdi, changes);
        changed->sr = services.storage.sr_state(sr);
      },
      [&services, sr, vdi, before] {
        if (!before.empty()) services.storage.vdi_set(sr, vdi, before);
      });
  return plan;
}

// ---- branching --------------------------------------------------------------------------------

std::set<Ref<VM>> possible_writers(const db::Snapshot& view, const Ref<VDI>& ref) {
  std::set<Ref<VM>> vms;
  const auto disk = view.find(ref);
  if (!disk) return vms;
  for (const Ref<VBD>& device : (*disk)[VDI::VBDs]) {
    const auto vbd = view.get(device);
    const auto vm = view.find(vbd[VBD::VM]);
    if (vm && !(*vm)[VM::is_a_template] && vbd[VBD::mode] == model::VbdMode::RW)
      vms.insert(vm->ref());
  }
  return vms;
}

namespace {

void switch_guest(Services& services, const db::Snapshot& view, const db::Object<VM>& vm) {
  const std::string uuid = vm[VM::uuid];
  const auto domain = services.hypervisor.domain(uuid);
  if (!domain) return;  // has ended meanwhile; it will start from the new images
  const auto images = stale_images(services, view, vm, *domain);
  if (images.empty()) return;
  try {
    services.hypervisor.switch_images(uuid, images);
  } catch (const Failure& failure) {
    if (failure.code() != "DOMAIN_NOT_FOUND") throw;
  }
}

// The storage has a new image for the disk already, so its guest needs it, whatever becomes of the
// branch; at the latest reconcile switches it.
void switch_or_leave_to_reconcile(Services& services, const db::Snapshot& view,
                                  const std::set<Ref<VM>>& vms) {
  for (const Ref<VM>& ref : vms) {
    const auto vm = view.get(ref);
    try {
      switch_guest(services, view, vm);
    } catch (const Failure&) {
      services.reconciler.poke(vm[VM::uuid]);
      throw;
    }
  }
}

sm::VdiInfo branch_disk(sm::Storage& storage, Branch kind, const std::string& sr,
                        const std::string& vdi, const sm::VdiSpec& names) {
  switch (kind) {
    case Branch::snapshot:
      return storage.vdi_snapshot(sr, vdi, names);
    case Branch::clone:
      return storage.vdi_clone(sr, vdi, names);
  }
  return {};
}

}  // namespace

void add_branch_steps(Plan& plan, Services& services, const db::Snapshot& view, Branch kind,
                      const std::vector<BranchedDisk>& disks) {
  const std::string verb = kind == Branch::snapshot ? "snapshot" : "clone";
  for (const BranchedDisk& disk : disks) {
    const auto origin = view.get(disk.origin);
    const std::string sr = view.get(origin[VDI::SR])[SR::uuid];
    plan.step(
        verb + " disk" + (disk.label.empty() ? "" : " " + disk.label), 2,
        [&services, kind, sr, vdi = origin[VDI::uuid], disk] {
          disk.made->info = branch_disk(services.storage, kind, sr, vdi, disk.names);
          disk.made->sr = services.storage.sr_state(sr);
        },
        [&services, view, sr, branch = disk.names.uuid, vms = possible_writers(view, disk.origin)] {
          destroy_if_there(services.storage, sr, branch);
          switch_or_leave_to_reconcile(services, view, vms);
        });
  }
}

void add_switch_step(Plan& plan, Services& services, const db::Snapshot& view,
                     const std::vector<BranchedDisk>& disks) {
  std::set<Ref<VM>> vms;
  for (const BranchedDisk& disk : disks) vms.merge(possible_writers(view, disk.origin));
  if (vms.empty()) return;
  plan.step("switch images", 2, [&services, view, vms] {
    for (const Ref<VM>& ref : vms) switch_guest(services, view, view.get(ref));
  });
}

Plan branch_vdi_plan(Services& services, const db::Snapshot& view, Branch kind,
                     const BranchedDisk& disk) {
  Plan plan(kind == Branch::snapshot ? "VDI.snapshot" : "VDI.clone");
  add_branch_steps(plan, services, view, kind, {disk});
  add_switch_step(plan, services, view, {disk});
  return plan;
}

namespace {

std::optional<db::Object<VDI>> disk_of_device(const db::Snapshot& view, const db::Object<VM>& vm,
                                              const std::string& device) {
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.find(ref);
    if (vbd && (*vbd)[VBD::userdevice] == device) return view.find((*vbd)[VBD::VDI]);
  }
  return std::nullopt;
}

}  // namespace

std::map<std::string, hypervisor::DiskSpec> stale_images(Services& services,
                                                         const db::Snapshot& view,
                                                         const db::Object<VM>& vm,
                                                         const hypervisor::DomainState& domain) {
  std::map<std::string, hypervisor::DiskSpec> images;
  for (const hypervisor::DiskSpec& open : domain.disks) {
    if (open.cdrom || open.read_only) continue;
    const auto vdi = disk_of_device(view, vm, open.device);
    if (!vdi) continue;
    const std::string sr = view.get((*vdi)[VDI::SR])[SR::uuid];
    const sm::DiskSource source = services.storage.vdi_source(sr, (*vdi)[VDI::uuid]);
    if (source.path == open.path) continue;
    hypervisor::DiskSpec image = open;
    image.path = source.path;
    image.format = disk_format(source.format);
    images[open.device] = image;
  }
  return images;
}

// ---- failures ---------------------------------------------------------------------------------

Failure in_api_terms(const db::Snapshot& view, const Failure& failure) {
  const std::string& code = failure.code();
  if (code == "DOMAIN_NOT_FOUND" && !failure.params().empty()) {
    const auto vm = view.find_uuid<VM>(failure.params().front());
    return Failure("VM_BAD_POWER_STATE",
                   {vm ? vm->ref().str() : failure.params().front(), "running", "halted"},
                   failure.where());
  }
  const bool of_storage = code.starts_with("VDI_") || code.starts_with("SR_");
  if (!of_storage || code.starts_with("SR_BACKEND_FAILURE") || code == "SR_UUID_EXISTS")
    return failure;
  std::vector<std::string> params = failure.params();
  for (std::string& param : params) {
    if (!is_uuid(param)) continue;
    if (const auto vdi = view.find_uuid<VDI>(param)) param = vdi->ref().str();
    if (const auto sr = view.find_uuid<SR>(param)) param = sr->ref().str();
  }
  return Failure(code, std::move(params), failure.where());
}

}  // namespace xcp::xapi
