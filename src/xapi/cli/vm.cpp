// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on VMs that are more than one call: install, uninstall, console, migrate, recover.
#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

#include "xapi/cli/commands.gen.hpp"
#include "xapi/cli/generic.hpp"
#include "xapi/cli/transfers.hpp"

namespace xcp::cli {
namespace {

using model::Value;

std::string uuid_and_name(const Object& object) {
  return fmt::format("{} ({})", object.uuid(), object.name());
}

Object param_snapshot(Run& run) {
  const auto uuid = run.words.has("uuid") ? run.words.get("uuid") : run.words.get("snapshot-uuid");
  if (!uuid) throw Failure(missing_parameter, {"uuid or snapshot-uuid"});
  const Object vm = run.world.by_uuid<model::VM>(*uuid);
  if (!vm.get(model::VM::is_a_snapshot)) {
    throw cli_error(fmt::format("{} is no snapshot.", uuid_and_name(vm)));
  }
  return vm;
}

// Install
// ------------------------------------------------------------------------------------------

Object param_template(Run& run) {
  for (const auto* param : {"template-uuid", "template", "template-name-label", "template-name"}) {
    const auto text = run.words.get(param);
    if (!text) continue;
    std::vector<Object> found;
    for (Object& vm : run.world.all<model::VM>()) {
      if (!vm.get(model::VM::is_a_template)) continue;
      if (vm.uuid() == *text || vm.name() == *text) found.push_back(std::move(vm));
    }
    if (found.empty()) throw cli_error(fmt::format("There is no template '{}'.", *text));
    // Of a template and a snapshot of the same name the template is meant.
    std::stable_sort(found.begin(), found.end(), [](const Object& a, const Object& b) {
      return a.get(model::VM::is_a_snapshot) < b.get(model::VM::is_a_snapshot);
    });
    const bool clear = found.size() == 1 || (!found[0].get(model::VM::is_a_snapshot) &&
                                             found[1].get(model::VM::is_a_snapshot));
    if (!clear) {
      throw cli_error(
          fmt::format("There are {} templates '{}'; give the uuid.", found.size(), *text));
    }
    return found.front();
  }
  throw Failure(missing_parameter, {"template"});
}

std::optional<Object> param_sr(Run& run) {
  if (run.words.has("sr-uuid")) return run.param_object<model::SR>("sr-uuid");
  if (const auto name = run.words.get("sr-name-label")) {
    return run.world.by_uuid_or_name<model::SR>(*name);
  }
  return std::nullopt;
}

// The description of disks to be made, with every disk on the given SR.
std::string disks_on_sr(const std::string& xml, const std::string& sr_uuid) {
  pugi::xml_document document;
  if (!document.load_string(xml.c_str())) {
    throw cli_error("The template's description of its disks is damaged.");
  }
  for (auto disk : document.document_element().children("disk")) {
    auto sr = disk.attribute("sr");
    if (!sr) sr = disk.append_attribute("sr");
    sr.set_value(sr_uuid.c_str());
  }
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return out.str();
}

// A new VM being made: destroyed again, with the disks it has got so far, unless it is kept.
class NewVm {
 public:
  NewVm(Run& run, std::string ref) : run_(run), ref_(std::move(ref)) {}
  ~NewVm() {
    if (kept_) return;
    try {
      run_.world.forget();
      const auto disks = disks_of(run_.world.get(model::VM::index, ref_));
      run_.world.call_on("VM.destroy", ref_);
      for (const auto& disk : disks) run_.world.call_on("VDI.destroy", disk);
    } catch (const Failure&) {
      // The failure that brought us here matters more.
    }
  }
  NewVm(const NewVm&) = delete;
  NewVm& operator=(const NewVm&) = delete;

  const std::string& ref() const { return ref_; }
  void keep() { kept_ = true; }

 private:
  std::vector<std::string> disks_of(const Object& vm) {
    std::vector<std::string> disks;
    for (const auto& ref : vm.get(model::VM::VBDs)) {
      const auto vbd = run_.world.find(ref);
      if (!vbd || vbd->get(model::VBD::type) != model::VbdType::Disk) continue;
      if (const auto vdi = run_.world.find(vbd->get(model::VBD::VDI))) disks.push_back(vdi->ref);
    }
    return disks;
  }

  Run& run_;
  std::string ref_;
  bool kept_ = false;
};

std::string copy_template(Run& run, const Object& original, const std::optional<Object>& sr) {
  const std::string name = run.words.need("new-name-label");
  const auto settings = original.get(model::VM::other_config);
  // Disks that are yet to be made need no copying.
  const bool has_disks_to_copy = !settings.contains("disks");
  if (sr && has_disks_to_copy) {
    return run.call("VM.copy", {original.ref, name, sr->ref}).as_string();
  }
  return run.call("VM.clone", {original.ref, name}).as_string();
}

void place_disks(Run& run, const NewVm& vm, const Object& original, const Object& sr) {
  const auto settings = original.get(model::VM::other_config);
  run.world.call("VM.set_suspend_SR", {vm.ref(), sr.ref});
  const auto disks = settings.find("disks");
  if (disks == settings.end()) return;
  const std::string placed = disks_on_sr(disks->second, sr.uuid());
  run.world.call("VM.remove_from_other_config", {vm.ref(), "disks"});
  run.world.call("VM.add_to_other_config", {vm.ref(), "disks", placed});
}

// Uninstall
// ----------------------------------------------------------------------------------------

// The disks that exist for this VM alone.
std::vector<Object> own_disks(Run& run, const Object& vm) {
  std::vector<Object> disks;
  for (const auto& ref : vm.get(model::VM::VBDs)) {
    const auto vbd = run.world.find(ref);
    if (!vbd || vbd->get(model::VBD::type) != model::VbdType::Disk) continue;
    const bool owned = vbd->get(model::VBD::other_config).contains("owner");
    const auto vdi = run.world.find(vbd->get(model::VBD::VDI));
    if (owned && vdi) disks.push_back(*vdi);
  }
  if (const auto vdi = run.world.find(vm.get(model::VM::suspend_VDI))) disks.push_back(*vdi);
  return disks;
}

struct Doomed {
  std::vector<Object> vms;
  std::vector<Object> disks;
};

Doomed doomed(Run& run, const std::vector<Object>& vms) {
  Doomed all;
  for (const Object& vm : vms) {
    all.vms.push_back(vm);
    for (Object& disk : own_disks(run, vm)) {
      const bool known = std::any_of(all.disks.begin(), all.disks.end(),
                                     [&](const Object& other) { return other.ref == disk.ref; });
      if (!known) all.disks.push_back(std::move(disk));
    }
  }
  return all;
}

std::string list_of(const Doomed& all) {
  std::string text = "These objects will be destroyed for ever:";
  for (const Object& vm : all.vms) text += "\nVM : " + uuid_and_name(vm);
  for (const Object& disk : all.disks) text += "\nVDI: " + uuid_and_name(disk);
  return text;
}

void destroy_disk(Run& run, const Object& disk) {
  try {
    run.world.call_on("VDI.destroy", disk.ref);
  } catch (const Failure& failure) {
    // A suspended VM's memory goes with the VM.
    if (failure.code() != "HANDLE_INVALID") throw;
  }
}

void uninstall(Run& run, const std::vector<Object>& vms) {
  const Doomed all = doomed(run, vms);
  if (!run.words.flag("force") && !run.confirm(list_of(all))) {
    throw cli_error("Nothing was destroyed.");
  }
  for (const Object& vm : all.vms) {
    // A snapshot with memory is suspended for ever; VM.destroy takes its memory along.
    if (vm.get(model::VM::power_state) != model::VmPowerState::Halted &&
        !vm.get(model::VM::is_a_snapshot)) {
      run.call("VM.hard_shutdown", {vm.ref});
    }
    run.call("VM.destroy", {vm.ref});
  }
  for (const Object& disk : all.disks) destroy_disk(run, disk);
  run.world.forget();
  run.printer.message(all.vms.size() == 1 ? "Destroyed."
                                          : fmt::format("{} objects destroyed.", all.vms.size()));
}

// Migrate
// ------------------------------------------------------------------------------------------

Object target_host(Run& run) {
  if (run.words.has("host-uuid")) return run.param_object<model::host>("host-uuid");
  return run.world.by_uuid_or_name<model::host>(run.words.need("host"));
}

Value migrate_options(Run& run) {
  model::MapValue options;
  for (const auto* name : {"live", "force", "copy", "compress"}) {
    if (run.words.has(name)) options.emplace_back(name, run.words.flag(name) ? "true" : "false");
  }
  return options;
}

// name:uuid=uuid words as a map of references.
Value map_of_refs(Run& run, std::string_view param, const model::Type& type) {
  model::MapValue entries;
  for (const auto& [key, value] : run.words.map(param)) {
    entries.emplace_back(parse_value(run.world, param, key, *type.key, true),
                         parse_value(run.world, param, value, *type.element, true));
  }
  return entries;
}

// The network through which the hosts of the pool talk to each other.
std::string management_network(Run& run, const Object& host) {
  if (const auto name = run.words.get("remote-network")) {
    return run.world.by_uuid_or_name<model::network>(*name).ref;
  }
  for (const auto& ref : host.get(model::host::PIFs)) {
    const auto pif = run.world.find(ref);
    if (pif && pif->get(model::PIF::management)) return pif->get(model::PIF::network).str();
  }
  throw cli_error("The host has no management interface; give remote-network.");
}

void migrate_with_disks(Run& run, const Object& host) {
  const auto& params = model::find_message("VM.migrate_send")->params;
  const Value token = run.world.call("host.migrate_receive",
                                     {host.ref, management_network(run, host), model::MapValue{}});
  const bool live = !run.words.has("live") || run.words.flag("live");
  run.call("VM.migrate_send",
           {run.object().ref, token, live, map_of_refs(run, "vdi", *params[3].type),
            map_of_refs(run, "vif", *params[4].type), migrate_options(run),
            map_of_refs(run, "vgpu", *params[6].type),
            map_of_refs(run, "image-format", *params[7].type)});
}

// Recovery
// -----------------------------------------------------------------------------------------

// Calls a message on an object of another pool's database, in a session made for that database.
void with_database(Run& run, std::uint16_t class_index, std::string_view method, bool with_force) {
  const auto words = run.words.map("database");
  const auto vdi_word = std::find_if(words.begin(), words.end(),
                                     [](const auto& word) { return word.first == "vdi-uuid"; });
  if (vdi_word == words.end()) throw Failure(missing_parameter, {"database:vdi-uuid"});
  const Object vdi = run.world.by_uuid<model::VDI>(vdi_word->second);
  const std::string session = run.world.call_on("VDI.open_database", vdi.ref).as_string();
  const auto api = run.world.api().with_session(session);
  World other(*api);
  const std::string own_session = run.world.api().session();
  std::vector<Value> arguments = {other.by_uuid(class_index, run.words.need("uuid")).ref,
                                  own_session};
  if (with_force) arguments.emplace_back(run.words.flag("force"));
  try {
    other.call(method, std::move(arguments));
  } catch (const Failure&) {
    other.call("session.logout");
    throw;
  }
  other.call("session.logout");
}

}  // namespace

void do_vm_install(Run& run) {
  const Object original = param_template(run);
  const auto sr = param_sr(run);
  const auto bios = run.words.get("copy-bios-strings-from");
  const std::optional<Object> bios_host =
      bios ? std::optional(run.world.by_uuid<model::host>(*bios)) : std::nullopt;
  NewVm vm(run, copy_template(run, original, sr));
  if (const auto text = run.words.get("new-name-description")) {
    run.world.call("VM.set_name_description", {vm.ref(), *text});
  }
  if (sr) place_disks(run, vm, original, *sr);
  run.call("VM.provision", {vm.ref()});
  if (bios_host) run.world.call("VM.copy_bios_strings", {vm.ref(), bios_host->ref});
  vm.keep();
  run.world.forget();
  run.printer.list({run.world.get(model::VM::index, vm.ref()).uuid()});
}

void do_vm_uninstall(Run& run) {
  std::vector<Object> vms;
  for (const auto& ref : run.object().get(model::VM::snapshots)) {
    if (const auto snapshot = run.world.find(ref)) vms.push_back(*snapshot);
  }
  // The VM goes last: its disks may be parents of the snapshots'.
  vms.push_back(run.object());
  uninstall(run, vms);
}

void do_snapshot_uninstall(Run& run) {
  uninstall(run, {param_snapshot(run)});
}

void do_template_uninstall(Run& run) {
  const Object vm = run.param_object<model::VM>("template-uuid");
  if (!vm.get(model::VM::is_a_template)) {
    throw cli_error(fmt::format("{} is no template.", uuid_and_name(vm)));
  }
  uninstall(run, {vm});
}

void do_snapshot_destroy(Run& run) {
  run.call("VM.destroy", {param_snapshot(run).ref});
}

void do_console(Run& run) {
  const Object& vm = run.object();
  for (const auto& ref : vm.get(model::VM::consoles)) {
    const auto console = run.world.find(ref);
    if (!console || console->get(model::console::protocol) != model::ConsoleProtocol::Vt100) {
      continue;
    }
    const auto host = run.world.find(vm.get(model::VM::resident_on));
    const std::string address = host ? address_for_client(run, *host) : "";
    std::string url = make_target(
        "/console", {{"uuid", console->uuid()}, {"session_id", run.world.api().session()}});
    if (!address.empty()) url = "https://" + address + url;
    run.terminal.print_stderr(fmt::format("Console of {}; Ctrl-] leaves it.\n", uuid_and_name(vm)));
    // The client has told the user the reason already.
    if (!run.terminal.http_connect(url)) throw Failure(already_reported);
    return;
  }
  throw cli_error(fmt::format("{} has no text console; is it running?", uuid_and_name(vm)));
}

void do_vm_migrate(Run& run) {
  if (run.words.has("remote-master")) {
    throw Failure("NOT_IMPLEMENTED", {"vm-migrate to another pool"});
  }
  const Object host = target_host(run);
  if (!run.words.map("vdi").empty() || !run.words.map("vif").empty()) {
    return migrate_with_disks(run, host);
  }
  run.call("VM.pool_migrate", {run.object().ref, host.ref, migrate_options(run)});
}

void do_vm_create(Run& run) {
  model::RecordValue record = new_record(model::VM::index);
  constexpr std::int64_t memory_bytes = 512ll << 20;
  record.set(model::VM::name_label, run.words.need("name-label"));
  record.set(model::VM::name_description, run.words.get_or("name-description", ""));
  record.set(model::VM::memory_static_max, memory_bytes);
  record.set(model::VM::memory_dynamic_max, memory_bytes);
  record.set(model::VM::memory_dynamic_min, memory_bytes);
  record.set(model::VM::memory_static_min, memory_bytes / 2);
  record.set(model::VM::VCPUs_max, 1);
  record.set(model::VM::VCPUs_at_startup, 1);
  record.set(model::VM::actions_after_shutdown, model::OnNormalExit::Destroy);
  record.set(model::VM::actions_after_reboot, model::OnNormalExit::Restart);
  record.set(model::VM::actions_after_crash, model::OnCrashBehaviour::Restart);
  record.set(model::VM::HVM_boot_policy, "BIOS order");
  record.set(model::VM::HVM_boot_params, {{"order", "dc"}});
  const Value vm = run.call("VM.create", {record});
  run.printer.list({run.world.get(model::VM::index, vm.as_string()).uuid()});
}

void do_vm_is_bios_customized(Run& run) {
  const auto strings = run.object().get(model::VM::bios_strings);
  if (strings.empty()) return run.printer.message("The BIOS strings of this VM are not set yet.");
  const auto vendor = strings.find("bios-vendor");
  const bool generic = vendor != strings.end() && vendor->second == "Xen";
  run.printer.message(generic ? "This VM has the generic BIOS strings."
                              : "This VM has the BIOS strings of a host.");
}

void do_vm_recover(Run& run) {
  with_database(run, model::VM::index, "VM.recover", true);
}
void do_vm_assert_can_be_recovered(Run& run) {
  with_database(run, model::VM::index, "VM.assert_can_be_recovered", false);
}
void do_appliance_recover(Run& run) {
  with_database(run, model::VM_appliance::index, "VM_appliance.recover", true);
}
void do_appliance_assert_can_be_recovered(Run& run) {
  with_database(run, model::VM_appliance::index, "VM_appliance.assert_can_be_recovered", false);
}

// Looking at a VM
// ----------------------------------------------------------------------------------

void do_vm_vif_list(Run& run) {
  std::vector<Object> vifs;
  for (const auto& ref : run.object().get(model::VM::VIFs)) {
    if (const auto vif = run.world.find(ref)) vifs.push_back(*vif);
  }
  run.printer.table(records_of(run.world, *find_class_row("vif"), vifs, {}));
}

void do_vm_crashdump_list(Run& run) {
  std::vector<Record> records;
  for (const auto& ref : run.object().get(model::VM::crash_dumps)) {
    const auto dump = run.world.find(ref);
    if (!dump) continue;
    const auto vdi = run.world.find(dump->get(model::crashdump::VDI));
    records.push_back(
        {{"uuid", dump->uuid()}, {"vdi-uuid", vdi ? vdi->uuid() : std::string(not_in_database)}});
  }
  run.printer.table(records);
}

void do_diagnostic_vm_status(Run& run) {
  const Object vm = run.param_object<model::VM>("uuid");
  const ClassRow& row = *find_class_row("vm");
  run.printer.table(
      records_of(run.world, row, {vm}, {"uuid", "name-label", "power-state", "possible-hosts"}));
  std::vector<Object> vbds;
  for (const auto& ref : vm.get(model::VM::VBDs)) {
    if (const auto vbd = run.world.find(ref)) vbds.push_back(*vbd);
  }
  run.printer.message("Block devices:");
  run.printer.table(records_of(run.world, *find_class_row("vbd"), vbds,
                               {"uuid", "vdi-uuid", "empty", "device", "currently-attached"}));
  try {
    run.world.call_on("VM.assert_agile", vm.ref);
    run.printer.message("Every host of the pool can run this VM.");
  } catch (const Failure& failure) {
    run.printer.message("This VM is bound to certain hosts: " + summary(failure, &run.world));
  }
}

}  // namespace xcp::cli
