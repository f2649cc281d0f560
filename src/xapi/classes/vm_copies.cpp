// SPDX-License-Identifier: GPL-2.0-or-later
// VM.clone, VM.copy and VM.provision: new VMs from what is there. Disks first, each with its undo,
// then all records in one commit.
#include <pugixml.hpp>

#include "xapi/classes/vm_lifecycle.hpp"
#include "xapi/classes/vm_records.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/disk_plans.hpp"
#include "xapi/plans/drafts.hpp"

namespace xcp::xapi {

using model::RecordValue;
using model::SR;
using model::VBD;
using model::VDI;
using model::VM;
using Op = model::VmOperations;

namespace {

sm::VdiSpec named_spec(const VmDisk& disk) {
  sm::VdiSpec spec;
  spec.uuid = make_uuid();
  spec.name = disk.vdi_name;
  return spec;
}

// `plan` makes the disks, of which `noted` tells.
Ref<VM> run_copy(Context& context, const Plan& plan, const Ref<VM>& from, const std::string& name,
                 const std::vector<CopiedDisk>& disks, std::vector<Draft> noted) {
  const Drafts drafts(context, std::move(noted));
  Ref<VM> copy;
  context.run(plan, [&](db::Transaction& change) {
    copy = copy_vm_records(change, change.get(from), name, CopyKind::Clone, disks,
                           [](RecordValue&) {});
  });
  return copy;
}

struct ProvisionDisk {
  std::string device;
  std::int64_t size = 0;
  std::string sr;
  bool bootable = false;
  std::string type = "user";
  std::string image;
};

// The <provision> text of other_config:disks.
std::vector<ProvisionDisk> parse_disks(const std::string& text) {
  std::vector<ProvisionDisk> disks;
  if (text.empty()) return disks;
  pugi::xml_document document;
  if (!document.load_string(text.c_str()))
    throw Failure("INVALID_VALUE", {"other_config:disks", "not well-formed XML"});
  for (const pugi::xml_node node : document.child("provision").children("disk")) {
    ProvisionDisk disk;
    disk.device = node.attribute("device").as_string();
    disk.size = node.attribute("size").as_llong();
    disk.sr = node.attribute("sr").as_string();
    disk.bootable = node.attribute("bootable").as_bool();
    disk.type = node.attribute("type").as_string("user");
    disk.image = node.attribute("image").as_string();
    if (disk.device.empty() || disk.size <= 0)
      throw Failure("INVALID_VALUE", {"other_config:disks", "a disk needs a device and a size"});
    disks.push_back(std::move(disk));
  }
  return disks;
}

Ref<SR> sr_for(const db::Snapshot& view, const Services& services, const std::string& wanted) {
  if (!wanted.empty()) {
    const auto sr = view.find_uuid<SR>(wanted);
    if (!sr) db::throw_uuid_invalid(SR::index, wanted);
    return sr->ref();
  }
  const Ref<SR> fallback = view.get(services.pool)[model::pool::default_SR];
  if (!view.find(fallback)) throw Failure("DEFAULT_SR_NOT_FOUND", {fallback.str()});
  return fallback;
}

}  // namespace

Ref<VM> vm_clone(Context& context, Ref<VM> vm, std::string new_name) {
  const OperationLock lock(context, vm, Op::Clone);
  const db::Snapshot view = context.view();
  std::vector<CopiedDisk> copies;
  std::vector<Draft> drafts;
  Plan plan("VM.clone");
  for (const VmDisk& disk : disks_of(view, view.get(vm))) {
    const sm::VdiSpec spec = named_spec(disk);
    drafts.push_back({disk.sr, spec.uuid});
    plan.step(
        "clone disk " + disk.device, 1,
        [&context, &copies, disk, spec] {
          copies.push_back(
              {disk.vbd, disk.sr,
               context.services().storage.vdi_clone(disk.sr_uuid, disk.vdi_uuid, spec)});
        },
        [&context, disk, spec] {
          destroy_if_there(context.services().storage, disk.sr_uuid, spec.uuid);
        });
  }
  return run_copy(context, plan, vm, new_name, copies, std::move(drafts));
}

Ref<VM> vm_copy(Context& context, Ref<VM> vm, std::string new_name, Ref<SR> sr) {
  const OperationLock lock(context, vm, Op::Copy);
  const db::Snapshot view = context.view();
  std::vector<CopiedDisk> copies;
  std::vector<Draft> drafts;
  Plan plan("VM.copy");
  for (const VmDisk& disk : disks_of(view, view.get(vm))) {
    const Ref<SR> target = sr.is_null() ? disk.sr : sr;
    const std::string target_uuid = view.get(target)[SR::uuid];
    const sm::VdiSpec spec = named_spec(disk);
    drafts.push_back({target, spec.uuid});
    plan.long_step(
        "copy disk " + disk.device, 10,
        [&context, &copies, disk, spec, target, target_uuid](const auto& progress) {
          sm::VdiInfo info = with_disk_progress(context, spec.uuid, progress, [&] {
            return context.services().storage.vdi_copy(disk.sr_uuid, disk.vdi_uuid, target_uuid,
                                                       spec);
          });
          copies.push_back({disk.vbd, target, std::move(info)});
        },
        [&context, target_uuid, spec] {
          destroy_if_there(context.services().storage, target_uuid, spec.uuid);
        });
  }
  return run_copy(context, plan, vm, new_name, copies, std::move(drafts));
}

void vm_provision(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::Provision);
  const db::Snapshot view = context.view();
  auto other = view.get(vm)[VM::other_config];
  struct Made {
    ProvisionDisk disk;
    Ref<SR> sr;
    sm::VdiInfo info;
  };
  std::vector<Made> made;
  std::vector<Draft> noted;
  Plan plan("VM.provision");
  for (const ProvisionDisk& disk : parse_disks(other["disks"])) {
    const Ref<SR> sr = sr_for(view, context.services(), disk.sr);
    const std::string sr_uuid = view.get(sr)[SR::uuid];
    sm::VdiSpec spec;
    spec.uuid = make_uuid();
    spec.name = view.get(vm)[VM::name_label] + " " + disk.device;
    spec.description = "Created by template provisioner";
    spec.type = disk.type;
    spec.virtual_size = disk.size;
    if (!disk.image.empty()) spec.sm_config["image"] = disk.image;
    noted.push_back({sr, spec.uuid});
    plan.long_step(
        "create disk " + disk.device, disk.image.empty() ? 1 : 10,
        [&context, &made, disk, sr, sr_uuid, spec](const auto& progress) {
          sm::VdiInfo info = with_disk_progress(context, spec.uuid, progress, [&] {
            return context.services().storage.vdi_create(sr_uuid, spec);
          });
          made.push_back({disk, sr, std::move(info)});
        },
        [&context, sr_uuid, spec] {
          destroy_if_there(context.services().storage, sr_uuid, spec.uuid);
        });
  }
  const Drafts drafts(context, std::move(noted));
  context.run(plan, [&](db::Transaction& change) {
    for (const Made& entry : made) {
      auto record = empty_record<VBD>();
      record.set(VBD::VM, vm);
      record.set(VBD::VDI, record_vdi(change, entry.info, entry.sr));
      record.set(VBD::userdevice, entry.disk.device);
      record.set(VBD::bootable, entry.disk.bootable);
      record.set(VBD::mode, model::VbdMode::RW);
      record.set(VBD::type, model::VbdType::Disk);
      record.set(VBD::unpluggable, true);
      // Marks the disk as made for this VM alone; clients remove it with the VM.
      record.set(VBD::other_config, {{"owner", ""}});
      change.create<VBD>(std::move(record));
    }
    other = change.get(vm)[VM::other_config];
    other.erase("disks");
    change.set(vm, VM::other_config, other);
    change.set(vm, VM::is_a_template, false);
  });
}

}  // namespace xcp::xapi
