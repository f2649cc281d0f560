// SPDX-License-Identifier: GPL-2.0-or-later
// The disks and CD drives of VMs: listing, adding, removing, inserting and ejecting.
#include <fmt/format.h>

#include <algorithm>

#include "xapi/cli/commands.gen.hpp"
#include "xapi/cli/generic.hpp"

namespace xcp::cli {
namespace {

using model::Value;

std::vector<Object> vbds_of(Run& run, const Object& vm, model::VbdType type) {
  std::vector<Object> vbds;
  for (const auto& ref : vm.get(model::VM::VBDs)) {
    const auto vbd = run.world.find(ref);
    if (vbd && vbd->get(model::VBD::type) == type) vbds.push_back(*vbd);
  }
  const auto position = [](const Object& vbd) {
    return parse_size(vbd.get(model::VBD::userdevice)).value_or(0);
  };
  std::stable_sort(vbds.begin(), vbds.end(),
                   [&](const Object& a, const Object& b) { return position(a) < position(b); });
  return vbds;
}

std::vector<std::string> fields(const Run& run, std::string_view param, std::string_view usual) {
  return split_commas(run.words.get_or(param, usual));
}

void list_disks(Run& run, const Object& vm, model::VbdType type) {
  const std::string_view kind = type == model::VbdType::CD ? "CD" : "Disk";
  int number = 0;
  for (const Object& vbd : vbds_of(run, vm, type)) {
    run.printer.message(fmt::format("{} {} VBD:", kind, number));
    run.printer.table(records_of(run.world, *find_class_row("vbd"), {vbd},
                                 fields(run, "vbd-params", "uuid,vm-name-label,userdevice")));
    if (const auto vdi = run.world.find(vbd.get(model::VBD::VDI))) {
      run.printer.message(fmt::format("{} {} VDI:", kind, number));
      run.printer.table(
          records_of(run.world, *find_class_row("vdi"), {*vdi},
                     fields(run, "vdi-params", "uuid,name-label,sr-name-label,virtual-size")));
    }
    ++number;
  }
}

bool is_cd(Run& run, const Object& vdi) {
  const auto sr = run.world.find(vdi.get(model::VDI::SR));
  return sr && sr->get(model::SR::content_type) == "iso";
}

// The CD of that name or uuid.
Object param_cd(Run& run) {
  const std::string text = run.words.need("cd-name");
  std::vector<Object> found;
  for (Object& vdi : run.world.all<model::VDI>()) {
    if ((vdi.name() == text || vdi.uuid() == text) && is_cd(run, vdi)) {
      found.push_back(std::move(vdi));
    }
  }
  if (found.empty()) throw cli_error(fmt::format("There is no CD '{}'; see cd-list.", text));
  if (found.size() > 1) {
    throw cli_error(fmt::format("There are {} CDs '{}'; give the uuid.", found.size(), text));
  }
  return found.front();
}

// The only drive that is empty, or the only one that is not.
Object only_drive(Run& run, bool empty) {
  std::vector<Object> drives;
  for (Object& vbd : vbds_of(run, run.object(), model::VbdType::CD)) {
    if (vbd.get(model::VBD::empty) == empty) drives.push_back(std::move(vbd));
  }
  const std::string_view kind = empty ? "empty CD drive" : "CD drive with a CD in it";
  if (drives.empty()) throw cli_error(fmt::format("The VM has no {}.", kind));
  if (drives.size() > 1) {
    throw cli_error(fmt::format("The VM has more than one {}; use vbd-eject or vbd-insert.", kind));
  }
  return drives.front();
}

struct NewVbd {
  std::string vdi;
  std::string device;
  model::VbdType type;
  model::VbdMode mode;
  std::map<std::string, std::string> other_config;
};

// Makes the device and, on a running VM, attaches it.
void add_vbd(Run& run, const NewVbd& vbd) {
  model::RecordValue record = new_record(model::VBD::index);
  const Object& vm = run.object();
  record.set(model::VBD::VM, Ref<model::VM>(vm.ref));
  record.set(model::VBD::VDI, Ref<model::VDI>(vbd.vdi));
  record.set(model::VBD::userdevice, vbd.device);
  record.set(model::VBD::type, vbd.type);
  record.set(model::VBD::mode, vbd.mode);
  record.set(model::VBD::unpluggable, true);
  record.set(model::VBD::empty, false);
  record.set(model::VBD::other_config, vbd.other_config);
  const Value ref = run.call("VBD.create", {record});
  if (vm.get(model::VM::power_state) == model::VmPowerState::Running) {
    run.call("VBD.plug", {ref});
  }
}

Object disk_sr(Run& run) {
  if (run.words.has("sr-uuid")) return run.param_object<model::SR>("sr-uuid");
  const auto sr = run.world.find(run.world.pool().get(model::pool::default_SR));
  if (!sr) throw cli_error("The pool has no default SR; say which one with sr-uuid=.");
  return *sr;
}

Value create_disk(Run& run, const Object& sr, std::int64_t size_bytes) {
  model::RecordValue record = new_record(model::VDI::index);
  record.set(model::VDI::SR, Ref<model::SR>(sr.ref));
  record.set(model::VDI::name_label,
             fmt::format("Disk {} of {}", run.words.need("device"), run.object().name()));
  record.set(model::VDI::virtual_size, size_bytes);
  record.set(model::VDI::type, model::VdiType::User);
  return run.call("VDI.create", {record});
}

}  // namespace

void do_vm_disk_list(Run& run) {
  list_disks(run, run.object(), model::VbdType::Disk);
}
void do_vm_cd_list(Run& run) {
  list_disks(run, run.object(), model::VbdType::CD);
}

void do_snapshot_disk_list(Run& run) {
  const auto uuid = run.words.has("uuid") ? run.words.get("uuid") : run.words.get("snapshot-uuid");
  if (!uuid) throw Failure(missing_parameter, {"uuid or snapshot-uuid"});
  list_disks(run, run.world.by_uuid<model::VM>(*uuid), model::VbdType::Disk);
}

void do_cd_list(Run& run) {
  std::vector<Object> cds;
  for (Object& vdi : run.world.all<model::VDI>()) {
    if (is_cd(run, vdi)) cds.push_back(std::move(vdi));
  }
  run.printer.table(
      records_of(run.world, *find_class_row("vdi"), cds, fields(run, "params", "name-label,uuid")));
}

void do_vm_cd_add(Run& run) {
  const Object cd = param_cd(run);
  add_vbd(run, {cd.ref, run.words.need("device"), model::VbdType::CD, model::VbdMode::RO, {}});
}

void do_vm_cd_remove(Run& run) {
  const std::string text = run.words.need("cd-name");
  for (const Object& vbd : vbds_of(run, run.object(), model::VbdType::CD)) {
    const auto vdi = run.world.find(vbd.get(model::VBD::VDI));
    if (!vdi || (vdi->name() != text && vdi->uuid() != text)) continue;
    run.call("VBD.destroy", {vbd.ref});
    return;
  }
  throw cli_error(fmt::format("The VM has no CD drive with '{}' in it.", text));
}

void do_vm_cd_eject(Run& run) {
  run.call("VBD.eject", {only_drive(run, false).ref});
}

void do_vm_cd_insert(Run& run) {
  const Object cd = param_cd(run);
  run.call("VBD.insert", {only_drive(run, true).ref, cd.ref});
}

void do_vm_disk_add(Run& run) {
  const auto size = parse_size(run.words.need("disk-size"));
  if (!size) throw cli_error("disk-size must be a number of bytes, or such as 8GiB.");
  const Value vdi = create_disk(run, disk_sr(run), *size);
  try {
    add_vbd(run, {vdi.as_string(),
                  run.words.need("device"),
                  model::VbdType::Disk,
                  model::VbdMode::RW,
                  {{"owner", "true"}}});
  } catch (const Failure&) {
    run.world.call("VDI.destroy", {vdi});
    throw;
  }
}

void do_vm_disk_remove(Run& run) {
  const std::string device = run.words.need("device");
  for (const Object& vbd : vbds_of(run, run.object(), model::VbdType::Disk)) {
    if (vbd.get(model::VBD::userdevice) != device && vbd.get(model::VBD::device) != device)
      continue;
    const auto vdi = run.world.find(vbd.get(model::VBD::VDI));
    run.call("VBD.destroy", {vbd.ref});
    if (vdi) run.call("VDI.destroy", {vdi->ref});
    return;
  }
  throw cli_error(fmt::format("The VM has no disk '{}'.", device));
}

}  // namespace xcp::cli
