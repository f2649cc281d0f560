// SPDX-License-Identifier: GPL-2.0-or-later
// The hypervisor and the machine under it; see controls.hpp.
#include <array>
#include <cstdio>

#include "base/fd.hpp"
#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"
#include "hypervisor/libxl/domain_config.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using PhysInfo = Owned<libxl_physinfo, libxl_physinfo_init, libxl_physinfo_dispose>;
using CpuList = List<libxl_cputopology, int, libxl_cputopology_list_free>;
using PciList = List<libxl_pcitopology, int, libxl_pcitopology_list_free>;
using NodeList = List<libxl_numainfo, int, libxl_numainfo_list_free>;

// What libxl calls an entry that it knows nothing of.
constexpr std::uint32_t invalid_entry = ~std::uint32_t{0};

std::vector<std::string> virtualization_of(const libxl_physinfo& info) {
  struct Row {
    bool there;
    const char* name;
  };
  const Row rows[] = {
      {info.cap_pv, "pv"},
      {info.cap_hvm, "hvm"},
      {info.cap_hvm && info.cap_hvm_directio, "hvm_directio"},
      {info.cap_pv && info.cap_hvm_directio, "pv_directio"},
      {info.cap_hap, "hap"},
      {info.cap_shadow, "shadow"},
      {info.cap_iommu_hap_pt_share, "iommu_hap_pt_share"},
      {info.cap_vmtrace, "vmtrace"},
      {info.cap_vpmu, "vpmu"},
      {info.cap_gnttab_v1, "gnttab-v1"},
      {info.cap_gnttab_v2, "gnttab-v2"},
  };
  std::vector<std::string> names;
  for (const Row& row : rows)
    if (row.there) names.emplace_back(row.name);
  return names;
}

void fill_machine(Context& context, XenHost& host) {
  PhysInfo holder;
  context.check(libxl_get_physinfo(context, &holder.value), "cannot read what this host has");
  const libxl_physinfo& info = holder.value;
  host.cpus = info.nr_cpus;
  host.max_cpu_id = info.max_cpu_id;
  host.nodes = info.nr_nodes;
  host.cores_per_socket = info.cores_per_socket;
  host.threads_per_core = info.threads_per_core;
  host.cpu_khz = info.cpu_khz;
  for (const std::uint32_t word : info.hw_cap) host.hardware_capabilities.push_back(word);
  host.virtualization = virtualization_of(info);
  const auto bytes = [&](std::uint64_t pages) {
    return static_cast<std::int64_t>(pages) * host.page_bytes;
  };
  host.memory_total_bytes = bytes(info.total_pages);
  host.memory_free_bytes = bytes(info.free_pages + info.scrub_pages - info.outstanding_pages);
  host.memory_claimed_bytes = bytes(info.outstanding_pages);
  host.sharing_freed_bytes = bytes(info.sharing_freed_pages);
  host.sharing_used_bytes = bytes(info.sharing_used_frames);
}

}  // namespace

XenHost Controls::host() {
  Context context;
  const libxl_version_info* version = libxl_get_version_info(context);
  if (version == nullptr) throw context.failure("cannot read the version of Xen", ERROR_FAIL);
  XenHost host;
  host.version_major = version->xen_version_major;
  host.version_minor = version->xen_version_minor;
  host.version_extra = text_of(version->xen_version_extra);
  host.capabilities = text_of(version->capabilities);
  host.page_bytes = version->pagesize;
  host.virtual_start = version->virt_start;
  host.changeset = text_of(version->changeset);
  host.command_line = text_of(version->commandline);
  host.compiler = text_of(version->compiler);
  host.compiled_by = text_of(version->compile_by);
  host.compile_domain = text_of(version->compile_domain);
  host.compile_date = text_of(version->compile_date);
  host.build_id = text_of(version->build_id);
  fill_machine(context, host);
  const int scheduler = libxl_get_scheduler(context);
  context.check(scheduler, "cannot read which scheduler Xen uses");
  host.scheduler = text_of(libxl_scheduler_to_string(static_cast<libxl_scheduler>(scheduler)));
  Bitmap free_cpus;
  if (libxl_get_freecpus(context, free_cpus.get()) == 0)
    host.free_cpus = numbers_of(*free_cpus.get());
  return host;
}

XenTopology Controls::topology() {
  Context context;
  XenTopology topology;
  int count = 0;
  libxl_cputopology* cpus = libxl_get_cpu_topology(context, &count);
  const CpuList cpu_list(cpus, count);
  if (cpu_list.failed()) throw context.failure("cannot read the topology", ERROR_FAIL);
  std::int64_t number = 0;
  for (const libxl_cputopology& cpu : cpu_list) {
    if (cpu.core != invalid_entry)
      topology.cpus.push_back({number, cpu.core, cpu.socket, cpu.node});
    ++number;
  }
  // Fails where there are no devices.
  count = 0;
  libxl_pcitopology* devices = libxl_get_pci_topology(context, &count);
  for (const libxl_pcitopology& device : PciList(devices, count)) {
    if (device.node == invalid_entry) continue;
    std::array<char, 32> address;
    snprintf(address.data(), address.size(), "%04x:%02x:%02x.%01x", device.seg, device.bus,
             device.devfn >> 3 & 0x1f, device.devfn & 7);
    topology.pci_devices.push_back({address.data(), device.node});
  }
  count = 0;
  libxl_numainfo* nodes = libxl_get_numainfo(context, &count);
  const NodeList node_list(nodes, count);
  if (node_list.failed()) throw context.failure("cannot read the NUMA nodes", ERROR_FAIL);
  number = 0;
  for (const libxl_numainfo& node : node_list) {
    if (node.size != LIBXL_NUMAINFO_INVALID_ENTRY) {
      Numbers distances(node.dists, node.dists + node.num_dists);
      topology.nodes.push_back({number, static_cast<std::int64_t>(node.size),
                                static_cast<std::int64_t>(node.free), std::move(distances)});
    }
    ++number;
  }
  return topology;
}

std::string Controls::messages(bool clear) {
  Context context;
  libxl_xen_console_reader* reader = libxl_xen_console_read_start(context, clear);
  if (reader == nullptr) throw context.failure("cannot read the hypervisor's messages", ERROR_FAIL);
  std::string text;
  char* line = nullptr;
  int code = 0;
  while ((code = libxl_xen_console_read_line(context, reader, &line)) > 0) text += line;
  libxl_xen_console_read_finish(context, reader);
  context.check(code, "cannot read the hypervisor's messages");
  return as_utf8(std::move(text));
}

void Controls::send_debug_keys(std::string keys) {
  Context context;
  context.check(libxl_send_debug_keys(context, keys.data()), "cannot send debug keys");
}

void Controls::set_parameters(std::string parameters) {
  Context context;
  context.check(libxl_set_parameters(context, parameters.data()), "cannot set parameters");
}

std::optional<bool> Controls::flask_enforcing() {
  Context context;
  const int mode = libxl_flask_getenforce(context);
  if (mode < 0) return std::nullopt;
  return mode != 0;
}

void Controls::set_flask_enforcing(bool enforcing) {
  Context context;
  context.check(libxl_flask_setenforce(context, enforcing ? 1 : 0), "cannot set Flask's mode");
}

void Controls::load_flask_policy(UniqueFd file) {
  constexpr std::size_t most_bytes = 16 << 20;
  std::string policy;
  std::array<char, 65536> part;
  while (const std::size_t count = read_some(file.get(), part.data(), part.size())) {
    policy.append(part.data(), count);
    if (policy.size() > most_bytes) throw Failure("INVALID_VALUE", {"policy", "too large"});
  }
  Context context;
  context.check(
      libxl_flask_loadpolicy(context, policy.data(), static_cast<std::uint32_t>(policy.size())),
      "cannot load the Flask policy");
}

}  // namespace xcp::hypervisor::libxl
