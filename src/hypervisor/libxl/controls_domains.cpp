// SPDX-License-Identifier: GPL-2.0-or-later
// Running domains of any maker; see controls.hpp.
#include <sys/stat.h>

#include "base/fd.hpp"
#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using DomainList = List<libxl_dominfo, int, libxl_dominfo_list_free>;
using VcpuList = List<libxl_vcpuinfo, int, libxl_vcpuinfo_list_free>;

Numbers nodes_of(Context& context, std::uint32_t domid) {
  Bitmap nodes;
  if (libxl_node_bitmap_alloc(context, nodes.get(), 0) != 0 ||
      libxl_domain_get_nodeaffinity(context, domid, nodes.get()) != 0)
    return {};
  return numbers_of(*nodes.get());
}

XenDomain domain_of(Context& context, const libxl_dominfo& info) {
  XenDomain domain;
  domain.domid = info.domid;
  domain.uuid = uuid_text(info.uuid);
  const Allocated<char> name(libxl_domid_to_name(context, info.domid));
  domain.name = text_of(name.get());
  domain.type = text_of(libxl_domain_type_to_string(info.domain_type));
  domain.running = info.running;
  domain.blocked = info.blocked;
  domain.paused = info.paused;
  domain.shut_down = info.shutdown;
  domain.dying = info.dying;
  domain.shutdown_reason = info.shutdown ? info.shutdown_reason : 0;
  domain.memory_kib = static_cast<std::int64_t>(info.current_memkb);
  domain.claimed_kib = static_cast<std::int64_t>(info.outstanding_memkb);
  domain.shared_kib = static_cast<std::int64_t>(info.shared_memkb);
  domain.memory_max_kib = static_cast<std::int64_t>(info.max_memkb);
  domain.cpu_time_ns = static_cast<std::int64_t>(info.cpu_time);
  domain.vcpus_online = info.vcpu_online;
  const Allocated<char> pool(libxl_cpupoolid_to_name(context, info.cpupool));
  domain.cpu_pool = text_of(pool.get());
  domain.security_label = text_of(info.ssid_label);
  const std::uint32_t start = info.domid == 0 ? 0 : libxl_vm_get_start_time(context, info.domid);
  domain.start_time = start == ~std::uint32_t{0} ? 0 : start;
  domain.node_affinity = nodes_of(context, info.domid);
  return domain;
}

libxl_trigger trigger_of(XenTrigger trigger) {
  switch (trigger) {
    case XenTrigger::power:
      return LIBXL_TRIGGER_POWER;
    case XenTrigger::sleep:
      return LIBXL_TRIGGER_SLEEP;
    case XenTrigger::nmi:
      return LIBXL_TRIGGER_NMI;
    case XenTrigger::init:
      return LIBXL_TRIGGER_INIT;
    case XenTrigger::reset:
      return LIBXL_TRIGGER_RESET;
    case XenTrigger::s3resume:
      return LIBXL_TRIGGER_S3RESUME;
  }
  return LIBXL_TRIGGER_UNKNOWN;
}

std::string named(const char* what, std::int64_t domid) {
  return std::string(what) + " domain " + std::to_string(domid);
}

}  // namespace

std::uint32_t there(Context& context, std::int64_t domid) {
  const auto number = static_cast<std::uint32_t>(domid);
  const int code = domid < 0 || domid >= no_domain ? ERROR_DOMAIN_NOTFOUND
                                                   : libxl_domain_info(context, nullptr, number);
  if (code == ERROR_DOMAIN_NOTFOUND) throw Failure("DOMAIN_NOT_FOUND", {std::to_string(domid)});
  context.check(code, named("cannot look at", domid));
  return number;
}

std::vector<XenDomain> Controls::domains() {
  Context context;
  int count = 0;
  libxl_dominfo* infos = libxl_list_domain(context, &count);
  const DomainList list(infos, count);
  if (list.failed()) throw context.failure("cannot list the domains", ERROR_FAIL);
  std::vector<XenDomain> domains;
  for (const libxl_dominfo& info : list) domains.push_back(domain_of(context, info));
  return domains;
}

std::vector<XenVcpu> Controls::vcpus(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  int count = 0;
  int cpus = 0;
  libxl_vcpuinfo* infos = libxl_list_vcpu(context, number, &count, &cpus);
  const VcpuList list(infos, count);
  if (list.failed())
    throw context.failure(named("cannot list the virtual CPUs of", domid), ERROR_FAIL);
  std::vector<XenVcpu> vcpus;
  for (const libxl_vcpuinfo& info : list) {
    XenVcpu& vcpu = vcpus.emplace_back();
    vcpu.vcpu = info.vcpuid;
    vcpu.cpu = info.cpu;
    vcpu.online = info.online;
    vcpu.running = info.running;
    vcpu.blocked = info.blocked;
    vcpu.time_ns = static_cast<std::int64_t>(info.vcpu_time);
    vcpu.hard_affinity = numbers_of(info.cpumap);
    vcpu.soft_affinity = numbers_of(info.cpumap_soft);
  }
  return vcpus;
}

std::string Controls::configuration(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  Owned<libxl_domain_config, libxl_domain_config_init, libxl_domain_config_dispose> config;
  context.check(libxl_retrieve_domain_configuration(context, number, &config.value, nullptr),
                named("cannot read the configuration of", domid));
  const Allocated<char> json(libxl_domain_config_to_json(context, &config.value));
  if (!json) throw context.failure(named("cannot tell the configuration of", domid), ERROR_FAIL);
  return text_of(json.get());
}

void Controls::rename(std::int64_t domid, std::string name) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_domain_rename(context, number, nullptr, name.c_str()),
                named("cannot rename", domid));
  driver_.renamed(number, name);
}

void Controls::pin(std::int64_t domid, std::optional<std::int64_t> vcpu, XenAffinity affinity) {
  Context context;
  const std::uint32_t number = there(context, domid);
  std::optional<Bitmap> hard, soft;
  if (affinity.hard) hard.emplace(*affinity.hard);
  if (affinity.soft) soft.emplace(*affinity.soft);
  const libxl_bitmap* hard_map = hard ? hard->get() : nullptr;
  const libxl_bitmap* soft_map = soft ? soft->get() : nullptr;
  const std::string what = named("cannot set the affinity of", domid);
  if (vcpu) {
    const auto which = static_cast<std::uint32_t>(*vcpu);
    context.check(affinity.force
                      ? libxl_set_vcpuaffinity_force(context, number, which, hard_map, soft_map)
                      : libxl_set_vcpuaffinity(context, number, which, hard_map, soft_map),
                  what);
    return;
  }
  for (const XenVcpu& one : vcpus(domid))
    context.check(libxl_set_vcpuaffinity(context, number, static_cast<std::uint32_t>(one.vcpu),
                                         hard_map, soft_map),
                  what);
}

void Controls::set_vcpus_online(std::int64_t domid, std::int64_t vcpus) {
  Context context;
  const std::uint32_t number = there(context, domid);
  Numbers first;
  for (std::int64_t i = 0; i < vcpus; ++i) first.push_back(i);
  Bitmap map(first);
  context.check(libxl_set_vcpuonline(context, number, map.get(), nullptr),
                named("cannot set the number of virtual CPUs of", domid));
}

void Controls::set_memory_max(std::int64_t domid, std::int64_t kib) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_domain_setmaxmem(context, number, static_cast<std::uint64_t>(kib)),
                named("cannot set the most memory of", domid));
}

void Controls::set_memory_target(std::int64_t domid, std::int64_t kib) {
  constexpr int absolute = 0;
  constexpr int enforce = 1;
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_set_memory_target(context, number, kib, absolute, enforce),
                named("cannot set the memory of", domid));
}

void Controls::send_trigger(std::int64_t domid, XenTrigger trigger, std::int64_t vcpu) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_send_trigger(context, number, trigger_of(trigger),
                                   static_cast<std::uint32_t>(vcpu), nullptr),
                named("cannot send a trigger to", domid));
}

void Controls::send_sysrq(std::int64_t domid, std::string letter) {
  if (letter.size() != 1) throw Failure("INVALID_VALUE", {"letter", letter});
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_send_sysrq(context, number, letter[0]),
                named("cannot send a system request to", domid));
}

void Controls::dump_core(std::int64_t domid, UniqueFd file) {
  Context context;
  const std::uint32_t number = there(context, domid);
  // libxl takes a name; this one is the caller's open file, whatever its path means here.
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  context.check(libxl_domain_core_dump(context, number, path.c_str(), nullptr),
                named("cannot dump the memory of", domid));
}

void Controls::suspend(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(libxl_domain_suspend_only(context, number, nullptr),
                named("cannot suspend", domid));
}

void Controls::resume(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  context.check(resume_in_place(context, number), named("cannot resume", domid));
}

DomainState Controls::create(VmSpec spec, std::string configuration) {
  return driver_.build_as(std::move(spec), std::move(configuration));
}

DomainState Controls::restore(VmSpec spec, std::string path) {
  return driver_.restore_for(Caller::root, std::move(spec), path);
}

DomainState Controls::receive(UniqueFd stream, ReceiveOptions options) {
  return driver_.receive_for(Caller::root, std::move(stream), options);
}

std::string Controls::qemu_monitor(std::int64_t domid, std::string command) {
  Context context;
  const std::uint32_t number = there(context, domid);
  char* said = nullptr;
  const int code = libxl_qemu_monitor_command(context, number, command.c_str(), &said, nullptr);
  const Allocated<char> owner(said);
  context.check(code, named("cannot speak to QEMU of", domid));
  return text_of(said);
}

// The record of a domain of ours carries its name to its next start and to xapi.
void LibxlDriver::renamed(std::uint32_t domid, const std::string& name) {
  Context context;
  const auto before = read_kept(context, domid);
  if (!before) return;
  const auto held = locks_.hold(before->spec.uuid);
  auto kept = read_kept(context, domid);
  if (!kept) return;
  kept->spec.name = name;
  write_kept(context, domid, *kept);
  events_.append(EventKind::changed, kept->spec.uuid);
}

}  // namespace xcp::hypervisor::libxl

extern "C" __attribute__((visibility("default"))) xcp::hypervisor::XenControls* xcp_xen_controls(
    xcp::hypervisor::Hypervisor& driver) {
  using namespace xcp::hypervisor::libxl;
  return new Controls(static_cast<LibxlDriver&>(driver));
}
