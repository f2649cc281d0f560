// SPDX-License-Identifier: GPL-2.0-or-later
// What xl does to running domains through Xen itself: vcpu-pin, rename, sysrq, trigger, dump-core,
// suspend, resume, qemu-monitor-command, and the lists sharing and claims.
#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using hypervisor::XenAffinity;
using hypervisor::XenTrigger;

std::optional<std::int64_t> natural(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

// nullopt for "-": as it is.
std::optional<Numbers> affinity_of(const std::string& text, const cfg::HostCpus& host) {
  if (text == "-") return std::nullopt;
  try {
    return cfg::parse_cpus(text, host, "vcpu-pin");
  } catch (const Failure&) {
    throw refusal(fmt::format("Invalid pcpu range: {}.", text));
  }
}

cfg::HostCpus cpus_of(Xl& xl) {
  const hypervisor::XenHost facts = xl.xen().host();
  cfg::HostCpus host;
  host.cpus = facts.cpus;
  host.nodes = facts.nodes;
  for (const XenTopology::Cpu& cpu : xl.xen().topology().cpus) {
    host.node_of.resize(static_cast<std::size_t>(cpu.cpu) + 1);
    host.node_of.back() = cpu.node;
  }
  return host;
}

// The masks of xl.conf bound where virtual CPUs may run.
void apply_masks(Xl& xl, const XenDomain& domain, const cfg::HostCpus& host, Numbers& cpus) {
  const cfg::XlConf& conf = xl.conf();
  const cfg::Text& of_type = domain.type == "pv" ? conf.vm_pv_cpumask : conf.vm_hvm_cpumask;
  for (const cfg::Text* mask : {&conf.vm_cpumask, &of_type}) {
    if (!*mask) continue;
    const Numbers allowed = cfg::parse_cpus(**mask, host, "xl.conf");
    std::erase_if(cpus, [&](std::int64_t cpu) {
      return !std::binary_search(allowed.begin(), allowed.end(), cpu);
    });
  }
  if (cpus.empty()) throw refusal("vcpu hard affinity map is empty");
}

std::string shown(const std::optional<Numbers>& cpus, std::int64_t count) {
  return cpus ? ranges(*cpus, count) : "-";
}

std::optional<XenTrigger> trigger_of(const std::string& word) {
  for (const XenTrigger trigger : {XenTrigger::power, XenTrigger::sleep, XenTrigger::nmi,
                                   XenTrigger::init, XenTrigger::reset, XenTrigger::s3resume})
    if (strcasecmp(boost::describe::enum_to_string(trigger, ""), word.c_str()) == 0) return trigger;
  return std::nullopt;
}

int tell_all(Xl& xl, const Call& call, const std::string& head,
             const std::function<std::string(const XenDomain&)>& row) {
  std::vector<XenDomain> domains;
  if (call.args.empty()) domains = xl.xen().domains();
  for (const std::string& name : call.args) domains.push_back(xl.find_xen(name));
  fmt::print("{}", head);
  for (const XenDomain& domain : domains) fmt::print("{}", row(domain));
  return 0;
}

}  // namespace

int vcpu_pin(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::string& which = call.args[1];
  std::optional<std::int64_t> vcpu;
  if (which != "all") {
    vcpu = natural(which);
    if (!vcpu) throw refusal(fmt::format("Error: Invalid argument {} as VCPU.", which));
  } else if (call.has("f")) {
    throw refusal("Error: --force and 'all' as VCPU not allowed.");
  }
  const cfg::HostCpus host = cpus_of(xl);
  XenAffinity affinity;
  affinity.force = call.has("f");
  affinity.hard = affinity_of(call.args[2], host);
  affinity.soft = call.args.size() > 3 ? affinity_of(call.args[3], host) : std::nullopt;
  if (affinity.hard && !call.has("i")) apply_masks(xl, domain, host, *affinity.hard);
  if (xl.settings.dry_run) {
    fmt::print("cpumap: {} {}\n", shown(affinity.hard, host.cpus), shown(affinity.soft, host.cpus));
    return 0;
  }
  try {
    xl.xen().pin(domain.domid, vcpu, affinity);
  } catch (const Failure& failure) {
    if (failure.code() != "INTERNAL_ERROR") throw;
    throw refusal(failure.params()[0] + "\n" +
                  (vcpu ? fmt::format("Could not set affinity for vcpu `{}'.", *vcpu)
                        : "Could not set affinity."));
  }
  return 0;
}

int rename(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::string& name = call.args[1];
  for (const XenDomain& other : xl.xen().domains())
    if (other.name == name)
      throw refusal(
          fmt::format("Domain with name \"{}\" already exists.\nCan't rename domain '{}'.", name,
                      call.args[0]));
  xl.xen().rename(domain.domid, name);
  if (const auto text = xl.remembered(domain.uuid))
    xl.remember(domain.uuid, *text + fmt::format("name = \"{}\"\n", name));
  return 0;
}

int sysrq(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  if (call.args[1].size() != 1) throw refusal("Invalid sysrq.\n\n" + help_text(*call.command));
  xl.xen().send_sysrq(domain.domid, call.args[1]);
  return 0;
}

int trigger_of_xen(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const auto trigger = trigger_of(call.args[1]);
  if (!trigger) throw refusal(fmt::format("Invalid trigger \"{}\"", call.args[1]));
  std::int64_t vcpu = 0;
  if (call.args.size() > 2) {
    if (const auto number = natural(call.args[2]))
      vcpu = *number;
    else
      fmt::print(stderr, "Invalid vcpuid, using default vcpuid=0.\n\n");
  }
  xl.xen().send_trigger(domain.domid, *trigger, vcpu);
  return 0;
}

int dump_core(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  UniqueFd file(open(call.args[1].c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) throw system_failure("cannot write " + call.args[1], errno);
  xl.xen().dump_core(domain.domid, std::move(file));
  return 0;
}

int suspend(Xl& xl, const Call& call) {
  xl.xen().suspend(xl.find_xen(call.args[0]).domid);
  return 0;
}

int resume(Xl& xl, const Call& call) {
  xl.xen().resume(xl.find_xen(call.args[0]).domid);
  return 0;
}

int qemu_monitor_command(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  std::string command = call.args[1];
  for (std::size_t i = 2; i < call.args.size(); ++i) command += " " + call.args[i];
  const std::string said = xl.xen().qemu_monitor(domain.domid, command);
  if (!said.empty()) fmt::print("{}\n", said);
  return 0;
}

int sharing(Xl& xl, const Call& call) {
  return tell_all(xl, call, sharing_head(), sharing_row);
}

int claims(Xl& xl, const Call& call) {
  if (!xl.conf().claim_mode) fmt::print(stderr, "claim_mode not enabled (see man xl.conf).\n");
  ListColumns columns;
  columns.claimed = true;
  return tell_all(xl, call, list_head(columns),
                  [&](const XenDomain& domain) { return list_row(domain, columns); });
}

}  // namespace xcp::xl
