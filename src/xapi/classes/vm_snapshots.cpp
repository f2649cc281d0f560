// SPDX-License-Identifier: GPL-2.0-or-later
// VM.snapshot, VM.checkpoint and VM.revert. A running guest goes on writing to new images; the
// moment it is switched to them, all disks at once, is the time of the snapshot.
#include <algorithm>

#include "xapi/classes/devices.hpp"
#include "xapi/classes/vm_lifecycle.hpp"
#include "xapi/classes/vm_records.hpp"
#include "xapi/classes/vm_state.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/disk_plans.hpp"
#include "xapi/plans/drafts.hpp"
#include "xapi/plans/storage_plans.hpp"
#include "xapi/plans/vm_plans.hpp"

namespace xcp::xapi {

using model::RecordValue;
using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;
using model::VmPowerState;
using Op = model::VmOperations;

namespace {

// What to snapshot, in the words of the plan.
std::vector<BranchedDisk> branches_of(const std::vector<VmDisk>& disks) {
  std::vector<BranchedDisk> branches;
  for (const VmDisk& disk : disks) {
    sm::VdiSpec names;
    names.uuid = make_uuid();
    names.name = disk.vdi_name;
    branches.push_back({disk.vdi, disk.device, names, std::make_shared<StoredDisk>()});
  }
  return branches;
}

std::vector<Draft> drafts_of(const std::vector<VmDisk>& disks,
                             const std::vector<BranchedDisk>& branches) {
  std::vector<Draft> drafts;
  for (std::size_t i = 0; i < disks.size(); ++i)
    drafts.push_back({disks[i].sr, branches[i].names.uuid});
  return drafts;
}

// What they became, once the plan has run.
std::vector<CopiedDisk> copies_of(const std::vector<VmDisk>& disks,
                                  const std::vector<BranchedDisk>& branches) {
  std::vector<CopiedDisk> copies;
  for (std::size_t i = 0; i < disks.size(); ++i)
    copies.push_back({disks[i].vbd, disks[i].sr, branches[i].made->info});
  return copies;
}

// The images a running guest has to write to now.
std::map<std::string, hypervisor::DiskSpec> current_images(Services& services,
                                                           const db::Snapshot& view,
                                                           const std::vector<VmDisk>& disks) {
  std::map<std::string, hypervisor::DiskSpec> images;
  for (const VmDisk& disk : disks) {
    const auto vbd = view.get(disk.vbd);
    if (!vbd[VBD::currently_attached] || vbd[VBD::mode] == model::VbdMode::RO) continue;
    const sm::DiskSource source = services.storage.vdi_source(disk.sr_uuid, disk.vdi_uuid);
    images[disk.device] = disk_spec(view, vbd, &source);
  }
  return images;
}

std::vector<VmDisk> wanted_disks(const db::Snapshot& view, const db::Object<VM>& vm,
                                 const std::vector<Ref<VDI>>& ignored) {
  std::vector<VmDisk> disks = disks_of(view, vm);
  std::erase_if(disks, [&](const VmDisk& disk) {
    return std::find(ignored.begin(), ignored.end(), disk.vdi) != ignored.end();
  });
  return disks;
}

// `plan` makes the disks.
Ref<VM> run_snapshot(Context& context, const Plan& plan, const Ref<VM>& vm, const std::string& name,
                     const std::vector<VmDisk>& disks, const std::vector<BranchedDisk>& branches,
                     const std::function<void(db::Transaction&, RecordValue&)>& adjust) {
  Ref<VM> snapshot;
  context.run(plan, [&](db::Transaction& change) {
    const auto from = change.get(vm);
    snapshot = copy_vm_records(
        change, from, name, CopyKind::Snapshot, copies_of(disks, branches),
        [&](RecordValue& record) {
          record.set(VM::is_a_snapshot, true);
          record.set(VM::is_a_template, true);
          record.set(VM::is_default_template, false);
          record.set(VM::snapshot_of, vm);
          record.set(VM::snapshot_time, model::now());
          record.set(
              VM::snapshot_info,
              {{"power-state-at-snapshot", std::string(model::to_string(from[VM::power_state]))},
               {"disk-snapshot-type",
                is_up(from[VM::power_state]) ? "crash_consistent" : "quiesced"}});
          adjust(change, record);
        });
    change.set(vm, VM::parent, snapshot);
  });
  return snapshot;
}

}  // namespace

Ref<VM> vm_snapshot(Context& context, Ref<VM> vm, std::string new_name,
                    std::vector<Ref<VDI>> ignore_vdis) {
  const OperationLock lock(context, vm, Op::Snapshot);
  const db::Snapshot view = context.view();
  const std::vector<VmDisk> disks = wanted_disks(view, view.get(vm), ignore_vdis);
  const std::vector<BranchedDisk> branches = branches_of(disks);
  const Drafts drafts(context, drafts_of(disks, branches));
  Plan plan("VM.snapshot");
  add_branch_steps(plan, context.services(), view, Branch::snapshot, branches);
  add_switch_step(plan, context.services(), view, branches);
  return run_snapshot(context, plan, vm, new_name, disks, branches,
                      [](db::Transaction&, RecordValue&) {});
}

Ref<VM> vm_checkpoint(Context& context, Ref<VM> vm, std::string new_name) {
  const OperationLock lock(context, vm, Op::Checkpoint);
  const db::Snapshot view = context.view();
  const auto object = view.get(vm);
  const std::vector<VmDisk> disks = disks_of(view, object);
  const Ref<SR> sr = suspend_sr(view, context.services(), object);
  const std::string sr_uuid = view.get(sr)[SR::uuid];
  const std::vector<BranchedDisk> branches = branches_of(disks);
  const sm::VdiSpec spec = memory_image(object);
  std::vector<Draft> noted = drafts_of(disks, branches);
  noted.push_back({sr, spec.uuid});
  const Drafts drafts(context, std::move(noted));
  Plan plan("VM.checkpoint");
  add_branch_steps(plan, context.services(), view, Branch::snapshot, branches);
  const std::string data_path = suspend_path(object[VM::uuid]);
  sm::Storage& storage = context.services().storage;
  sm::VdiInfo image;
  std::string path;
  plan.step(
      "create memory image", 1, [&] { image = storage.vdi_create(sr_uuid, spec); },
      [&] { destroy_if_there(storage, sr_uuid, spec.uuid); });
  plan.step(
      "attach memory image", 1,
      [&] {
        path = storage.vdi_attach(sr_uuid, spec.uuid, data_path, true).path;
        storage.vdi_activate(sr_uuid, spec.uuid, data_path);
      },
      [&] { storage.vdi_detach(sr_uuid, spec.uuid, data_path); });
  plan.step("save memory and switch guest to new images", 10, [&] {
    context.services().hypervisor.checkpoint(object[VM::uuid], path,
                                             current_images(context.services(), view, disks));
  });
  plan.step("detach memory image", 1, [&] { storage.vdi_detach(sr_uuid, spec.uuid, data_path); });
  return run_snapshot(context, plan, vm, new_name, disks, branches,
                      [&](db::Transaction& change, RecordValue& record) {
                        record.set(VM::power_state, VmPowerState::Suspended);
                        record.set(VM::suspend_VDI, record_vdi(change, image, sr));
                      });
}

namespace {

struct RevertedDisk {
  VmDisk now;
  VmDisk then;
};

// Disks of the VM that have a snapshot to go back to.
std::vector<RevertedDisk> disks_to_revert(const db::Snapshot& view, const db::Object<VM>& vm,
                                          const db::Object<VM>& snapshot) {
  std::vector<RevertedDisk> pairs;
  for (const VmDisk& then : disks_of(view, snapshot))
    for (const VmDisk& now : disks_of(view, vm))
      if (view.get(then.vdi)[VDI::snapshot_of] == now.vdi) pairs.push_back({now, then});
  return pairs;
}

void add_revert_steps(Plan& plan, sm::Storage& storage, const RevertedDisk& pair) {
  const auto& [now, then] = pair;
  sm::VdiSpec backup;
  backup.uuid = make_uuid();
  backup.name = now.vdi_name + " (before revert)";
  plan.step(
      "keep disk " + now.device, 1,
      [&storage, now, backup] { storage.vdi_snapshot(now.sr_uuid, now.vdi_uuid, backup); },
      [&storage, now, backup] { destroy_if_there(storage, now.sr_uuid, backup.uuid); });
  plan.step(
      "revert disk " + now.device, 2,
      [&storage, now, then] { storage.vdi_revert(now.sr_uuid, now.vdi_uuid, then.vdi_uuid); },
      [&storage, now, backup] { storage.vdi_revert(now.sr_uuid, now.vdi_uuid, backup.uuid); });
}

// Settings of the VM as they were; identity and relations stay.
void restore_settings(db::Transaction& change, const Ref<VM>& vm, const db::Object<VM>& snapshot) {
  const auto fields = snapshot.row()->desc().fields;
  const std::vector<std::uint16_t> kept = {
      VM::uuid.index,        VM::is_a_template.index, VM::is_a_snapshot.index,
      VM::snapshot_of.index, VM::snapshot_time.index, VM::snapshot_info.index,
      VM::power_state.index, VM::name_label.index,    VM::metrics.index,
      VM::parent.index,      VM::suspend_VDI.index,   VM::guest_metrics.index,
      VM::domid.index,       VM::resident_on.index,   VM::is_default_template.index};
  for (std::uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].derived || !fields[i].persistent || fields[i].internal) continue;
    if (std::find(kept.begin(), kept.end(), i) != kept.end()) continue;
    change.set(VM::index, vm.str(), i, snapshot.row()->fields[i]);
  }
  change.set(vm, VM::parent, snapshot.ref());
}

// The guest in the memory image has the devices that the snapshot was made with.
template <class Device, class List, class Position>
void reserve_as(db::Transaction& change, const List& devices, const List& then,
                const Position& position) {
  for (const Ref<Device>& ref : devices) {
    bool reserved = false;
    for (const Ref<Device>& other : then)
      if (change.get(other)[position] == change.get(ref)[position])
        reserved = change.get(other)[Device::reserved];
    change.set(ref, Device::reserved, reserved);
  }
}

}  // namespace

void vm_revert(Context& context, Ref<VM> snapshot) {
  const OperationLock snapshot_lock(context, snapshot, Op::Revert);
  const Ref<VM> vm = context.view().get(snapshot)[VM::snapshot_of];
  if (!context.view().find(vm)) throw Failure("VM_REVERT_FAILED", {vm.str(), snapshot.str()});
  const OperationLock lock(context, vm, Op::Reverting);
  const db::Snapshot view = context.view();
  const auto from = view.get(snapshot);
  sm::Storage& storage = context.services().storage;
  if (is_up(view.get(vm)[VM::power_state])) {
    context.run(stop_plan(context.services(), view, view.get(vm)));
    context.commit([&](db::Transaction& change) { record_halted(change, vm); });
  }
  Plan plan("VM.revert");
  const auto pairs = disks_to_revert(view, view.get(vm), from);
  for (const RevertedDisk& pair : pairs) add_revert_steps(plan, storage, pair);
  const auto old_image = view.find(view.get(vm)[VM::suspend_VDI]);
  const auto image = view.find(from[VM::suspend_VDI]);
  sm::VdiInfo image_copy;
  const std::string image_sr = image ? view.get((*image)[VDI::SR])[SR::uuid] : "";
  const sm::VdiSpec spec = memory_image(from);
  std::vector<Draft> noted;
  if (image) noted.push_back({(*image)[VDI::SR], spec.uuid});
  const Drafts drafts(context, std::move(noted));
  if (image)
    plan.step(
        "copy memory image", 5,
        [&] { image_copy = storage.vdi_copy(image_sr, (*image)[VDI::uuid], image_sr, spec); },
        [&] { destroy_if_there(storage, image_sr, spec.uuid); });
  context.run(plan, [&](db::Transaction& change) {
    restore_settings(change, vm, from);
    if (image) {
      record_suspended(change, vm, record_vdi(change, image_copy, (*image)[VDI::SR]));
      const auto now = change.get(vm);
      reserve_as<VBD>(change, now[VM::VBDs], from[VM::VBDs], VBD::userdevice);
      reserve_as<VIF>(change, now[VM::VIFs], from[VM::VIFs], VIF::device);
    } else {
      record_halted(change, vm);
    }
    if (old_image) change.destroy(old_image->ref());
  });
  // What follows only tidies up; the next scan of the SR finds what could not be removed.
  for (const RevertedDisk& pair : pairs)
    for (const sm::VdiInfo& info : storage.sr_scan(pair.now.sr_uuid))
      if (info.snapshot_of == pair.now.vdi_uuid &&
          info.name == pair.now.vdi_name + " (before revert)")
        storage.vdi_destroy(pair.now.sr_uuid, info.uuid);
  if (old_image)
    destroy_if_there(storage, view.get((*old_image)[VDI::SR])[SR::uuid], (*old_image)[VDI::uuid]);
}

}  // namespace xcp::xapi
