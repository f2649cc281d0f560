// SPDX-License-Identifier: GPL-2.0-or-later
// Fields of lists that are neither a field of the API nor one call; named "fn ..." in the tables.
#include <fmt/format.h>

#include <set>

#include "datamodel/codec.hpp"
#include "xapi/cli/commands.gen.hpp"

namespace xcp::cli {
namespace {

using model::Value;

constexpr double bytes_per_kb = 1024;

// A measurement now; nullopt when nobody measures it, as for a VM that is halted.
std::optional<double> measured(World& world, std::string_view method, const std::string& ref,
                               const std::string& source) {
  try {
    return world.call(method, {ref, source}).as_float();
  } catch (const Failure& failure) {
    if (failure.code() == connection_lost) throw;
    return std::nullopt;
  }
}

Shown shown_rate(std::optional<double> bytes) {
  return shown_text(fmt::format("{:.3f}", bytes.value_or(0) / bytes_per_kb));
}

Shown vm_rate(World& world, const std::string& vm, const std::string& source) {
  return shown_rate(measured(world, "VM.query_data_source", vm, source));
}

// A host's field when all hosts of the pool agree.
template <class T>
Shown common_to_hosts(World& world, model::Field<model::host, T> key) {
  std::set<std::string> texts;
  const model::Type& type = *model::classes()[model::host::index].fields[key.index].type;
  for (const Object& host : world.all<model::host>()) {
    texts.insert(text_of(world, host.field(key.index), type));
  }
  return shown_text(texts.size() == 1 ? *texts.begin() : std::string(inconsistent));
}

Shown through_variants(World& world, const Object& driver,
                       const std::function<std::string(const Object&)>& text) {
  std::vector<std::string> members;
  for (const auto& ref : driver.get(model::Host_driver::variants)) {
    if (const auto variant = world.find(ref)) members.push_back(text(*variant));
  }
  return shown_set(std::move(members));
}

std::string variant_name(const Object& variant) {
  return variant.get(model::Driver_variant::name_);
}

std::string name_and_version(const Object& variant) {
  return fmt::format("{}: {}", variant_name(variant), variant.get(model::Driver_variant::version));
}

bool is_variant_of(World& world, const Object& variant,
                   model::Field<model::Host_driver, Ref<model::Driver_variant>> key) {
  const auto driver = world.find(variant.get(model::Driver_variant::driver));
  return driver && driver->get(key).str() == variant.ref;
}

Shown yes_or_no(bool value) {
  return shown_text(value ? "true" : "false");
}

}  // namespace

Shown show_nothing(World&, const Object&) {
  return shown_map({});
}
Shown show_not_shown(World&, const Object&) {
  return shown_text("<hidden>");
}

// Pool
// ---------------------------------------------------------------------------------------------

Shown show_pool_https_only(World& world, const Object&) {
  return common_to_hosts(world, model::host::https_only);
}
Shown show_pool_ssh_enabled(World& world, const Object&) {
  return common_to_hosts(world, model::host::ssh_enabled);
}
Shown show_pool_ssh_enabled_timeout(World& world, const Object&) {
  return common_to_hosts(world, model::host::ssh_enabled_timeout);
}
Shown show_pool_ssh_expiry(World& world, const Object&) {
  return common_to_hosts(world, model::host::ssh_expiry);
}
Shown show_pool_console_idle_timeout(World& world, const Object&) {
  return common_to_hosts(world, model::host::console_idle_timeout);
}
Shown show_pool_ssh_auto_mode(World& world, const Object&) {
  return common_to_hosts(world, model::host::ssh_auto_mode);
}

// Interfaces
// ---------------------------------------------------------------------------------------

namespace {
Shown pif_rate(World& world, const Object& pif, std::string_view direction) {
  return shown_rate(measured(world, "host.query_data_source", pif.get(model::PIF::host).str(),
                             fmt::format("pif_{}_{}", pif.get(model::PIF::device), direction)));
}
Shown vif_rate(World& world, const Object& vif, std::string_view direction) {
  return vm_rate(world, vif.get(model::VIF::VM).str(),
                 fmt::format("vif_{}_{}", vif.get(model::VIF::device), direction));
}
Shown vbd_rate(World& world, const Object& vbd, std::string_view direction) {
  return vm_rate(world, vbd.get(model::VBD::VM).str(),
                 fmt::format("vbd_{}_{}", vbd.get(model::VBD::device), direction));
}
}  // namespace

Shown show_pif_read_kbs(World& world, const Object& pif) {
  return pif_rate(world, pif, "rx");
}
Shown show_pif_write_kbs(World& world, const Object& pif) {
  return pif_rate(world, pif, "tx");
}
Shown show_vif_read_kbs(World& world, const Object& vif) {
  return vif_rate(world, vif, "rx");
}
Shown show_vif_write_kbs(World& world, const Object& vif) {
  return vif_rate(world, vif, "tx");
}
Shown show_vbd_read_kbs(World& world, const Object& vbd) {
  return vbd_rate(world, vbd, "read");
}
Shown show_vbd_write_kbs(World& world, const Object& vbd) {
  return vbd_rate(world, vbd, "write");
}

Shown show_pif_speed(World& world, const Object& pif) {
  const auto metrics = world.find(pif.get(model::PIF::metrics));
  if (!metrics) return shown_text(std::string(not_in_database));
  const auto megabits = metrics->get(model::PIF_metrics::speed);
  return shown_text(megabits > 0 ? fmt::format("{} Mbit/s", megabits) : "unknown");
}

Shown show_pif_duplex(World& world, const Object& pif) {
  const auto metrics = world.find(pif.get(model::PIF::metrics));
  if (!metrics) return shown_text(std::string(not_in_database));
  if (!metrics->get(model::PIF_metrics::carrier)) return shown_text("unknown");
  return shown_text(metrics->get(model::PIF_metrics::duplex) ? "full" : "half");
}

// VMs
// ----------------------------------------------------------------------------------------------

Shown show_vm_memory_target(World& world, const Object& vm) {
  const auto bytes = measured(world, "VM.query_data_source", vm.ref, "memory_target");
  return shown_text(bytes ? fmt::format("{:.0f}", *bytes) : "<unknown>");
}

Shown show_vm_vcpus_utilisation(World& world, const Object& vm) {
  std::vector<std::pair<std::string, std::string>> entries;
  const auto metrics = world.find(vm.get(model::VM::metrics));
  const std::int64_t count = metrics ? metrics->get(model::VM_metrics::VCPUs_number) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto load = measured(world, "VM.query_data_source", vm.ref, fmt::format("cpu{}", i));
    if (load) entries.emplace_back(std::to_string(i), fmt::format("{:.3f}", *load));
  }
  return shown_map(std::move(entries));
}

// Hosts
// --------------------------------------------------------------------------------------------

Shown show_host_patches(World& world, const Object& host) {
  std::vector<std::string> members;
  for (const auto& ref : host.get(model::host::patches)) {
    const auto applied = world.find(ref);
    const auto patch =
        applied ? world.find(applied->get(model::host_patch::pool_patch)) : std::nullopt;
    if (patch) members.push_back(patch->uuid());
  }
  return shown_set(std::move(members), ", ");
}

Shown show_patch_hosts(World& world, const Object& patch) {
  std::vector<std::string> members;
  for (const auto& ref : patch.get(model::pool_patch::host_patches)) {
    const auto applied = world.find(ref);
    const auto host = applied ? world.find(applied->get(model::host_patch::host)) : std::nullopt;
    if (host) members.push_back(host->uuid());
  }
  return shown_set(std::move(members), ", ");
}

Shown show_host_cpu_utilisation(World& world, const Object& cpu) {
  const auto load = measured(world, "host.query_data_source", cpu.get(model::host_cpu::host).str(),
                             fmt::format("cpu{}", cpu.get(model::host_cpu::number)));
  return shown_text(fmt::format("{:.3f}", load.value_or(0)));
}

Shown show_variant_active(World& world, const Object& variant) {
  return yes_or_no(is_variant_of(world, variant, model::Host_driver::active_variant));
}
Shown show_variant_selected(World& world, const Object& variant) {
  return yes_or_no(is_variant_of(world, variant, model::Host_driver::selected_variant));
}
Shown show_host_driver_variants(World& world, const Object& driver) {
  return through_variants(world, driver, name_and_version);
}
Shown show_host_driver_variants_dev_status(World& world, const Object& driver) {
  return through_variants(world, driver, [](const Object& variant) {
    return fmt::format("{}: {}", name_and_version(variant),
                       variant.get(model::Driver_variant::status));
  });
}
Shown show_host_driver_variants_uuid(World& world, const Object& driver) {
  return through_variants(world, driver, [](const Object& variant) {
    return fmt::format("{}: {}", variant_name(variant), variant.uuid());
  });
}
Shown show_host_driver_variants_hw_present(World& world, const Object& driver) {
  return through_variants(world, driver, [](const Object& variant) {
    return fmt::format("{}: {}", name_and_version(variant),
                       variant.get(model::Driver_variant::hardware_present));
  });
}

// Storage
// ------------------------------------------------------------------------------------------

Shown show_sr_host(World& world, const Object& sr) {
  const auto pbds = sr.get(model::SR::PBDs);
  if (pbds.size() > 1) return shown_text("<shared>");
  if (pbds.empty()) return shown_text(std::string(not_in_database));
  const auto pbd = world.find(pbds.front());
  const auto host = pbd ? world.find(pbd->get(model::PBD::host)) : std::nullopt;
  return shown_text(host ? host->name() : std::string(not_in_database));
}

Shown show_vbd_vdi_name(World& world, const Object& vbd) {
  if (vbd.get(model::VBD::empty)) return shown_text("<EMPTY>");
  const auto vdi = world.find(vbd.get(model::VBD::VDI));
  return shown_text(vdi ? vdi->name() : std::string(not_in_database));
}

Shown show_vbd_attachable(World& world, const Object& vbd) {
  try {
    world.call_on("VBD.assert_attachable", vbd.ref);
    return shown_text("true");
  } catch (const Failure& failure) {
    if (failure.code() == connection_lost) throw;
    return shown_text(fmt::format("false (error: {})", failure.code()));
  }
}

Shown show_vdi_metadata_of_pool(World& world, const Object& vdi) {
  const std::string pool = vdi.get(model::VDI::metadata_of_pool).str();
  if (pool == null_ref_text) return shown_text(std::string(not_in_database));
  if (const auto known = world.find(model::pool::index, pool)) return shown_text(known->uuid());
  return shown_text(world.call_on("VDI.read_database_pool_uuid", vdi.ref).as_string());
}

// Others
// -------------------------------------------------------------------------------------------

Shown show_subject_roles(World& world, const Object& subject) {
  std::vector<std::string> names;
  for (const auto& ref : subject.get(model::subject::roles)) {
    if (const auto role = world.find(ref)) names.push_back(role->name());
  }
  return shown_set(std::move(names));
}

Shown show_vgpu_type_max_resolution(World&, const Object& type) {
  return shown_text(fmt::format("{}x{}", type.get(model::VGPU_type::max_resolution_x),
                                type.get(model::VGPU_type::max_resolution_y)));
}

}  // namespace xcp::cli
