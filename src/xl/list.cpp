// SPDX-License-Identifier: GPL-2.0-or-later
// xl list, vm-list, vcpu-list, domid, domname: what domains there are. Columns are those that
// scripts read.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "xl/cfg/domain_json.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using hypervisor::DomainPower;
using hypervisor::DomainState;
using hypervisor::DomainStats;

std::vector<DomainState> wanted(Xl& xl, const std::vector<std::string>& names) {
  if (names.empty()) return xl.domains();
  std::vector<DomainState> domains;
  for (const std::string& name : names) domains.push_back(xl.find(name));
  return domains;
}

std::vector<double> vcpu_seconds(const std::vector<DomainStats>& stats, const std::string& uuid) {
  for (const DomainStats& one : stats)
    if (one.uuid == uuid) return one.vcpu_seconds;
  return {};
}

// The configuration of xl's own domains; of others what can be seen of them.
cfg::Domain configuration_of(Xl& xl, const DomainState& state) {
  if (const auto text = xl.remembered(state.uuid))
    return read_configuration(xl, state.name, *text, {}, false).domain;
  cfg::Domain domain;
  domain.c_info.type = "hvm";
  domain.c_info.name = state.name;
  domain.c_info.uuid = state.uuid;
  domain.b_info.max_vcpus = state.vcpus;
  domain.b_info.target_memkb = state.memory_bytes / 1024;
  for (const hypervisor::NicSpec& spec : state.nics) {
    cfg::Nic nic;
    nic.devid = std::stoll(spec.device);
    nic.mac = spec.mac;
    if (!spec.bridge.empty()) nic.bridge = spec.bridge;
    domain.nics.push_back(nic);
  }
  for (const hypervisor::DiskSpec& spec : state.disks) {
    cfg::Disk disk;
    disk.vdev = spec.device;
    disk.pdev_path = spec.path;
    disk.format = spec.path.empty()                              ? "empty"
                  : spec.format == hypervisor::DiskFormat::qcow2 ? "qcow2"
                                                                 : "raw";
    disk.is_cdrom = disk.removable = spec.cdrom;
    disk.readwrite = !spec.read_only;
    domain.disks.push_back(disk);
  }
  return domain;
}

int list_long(Xl& xl, const std::vector<DomainState>& states) {
  std::vector<cfg::Domain> domains;
  for (const DomainState& state : states) domains.push_back(configuration_of(xl, state));
  std::vector<cfg::Listed> listed;
  for (std::size_t i = 0; i < states.size(); ++i) listed.push_back({states[i].domid, &domains[i]});
  fmt::print("{}\n", cfg::json_of(listed));
  return 0;
}

// ---- on Xen: what it says itself

bool is_number(const std::string& name) {
  return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

std::vector<XenDomain> wanted_xen(Xl& xl, const std::vector<std::string>& names) {
  if (names.empty()) return xl.xen().domains();
  std::vector<XenDomain> domains;
  for (const std::string& name : names) {
    try {
      domains.push_back(xl.find_xen(name));
    } catch (const Failure&) {
      if (!is_number(name)) throw;
      throw refusal(fmt::format("Error: Domain '{}' does not exist.", name));
    }
  }
  return domains;
}

// libxl's own JSON of each domain, within an array.
int list_long_of_xen(Xl& xl, const std::vector<XenDomain>& domains) {
  std::string text;
  for (const XenDomain& domain : domains) {
    std::string config;
    try {
      config = xl.xen().configuration(domain.domid);
    } catch (const Failure& failure) {
      // Of one that is being made or ended there is nothing to tell; the others are listed.
      fmt::print(stderr, "{}\n", failure.what());
      continue;
    }
    while (config.ends_with('\n')) config.pop_back();
    for (std::size_t at = 0; (at = config.find('\n', at)) != config.npos; ++at)
      if (config[at + 1] != '\n') config.insert(at + 1, 8, ' ');
    text += fmt::format("{}    {{\n        \"domid\": {},\n        \"config\": {}\n    }}",
                        text.empty() ? "" : ",\n", domain.domid, config);
  }
  fmt::print("[\n{}\n]\n\n", text);
  return 0;
}

int list_of_xen(Xl& xl, const Call& call) {
  const std::vector<XenDomain> domains = wanted_xen(xl, call.args);
  if (call.has("l")) return list_long_of_xen(xl, domains);
  ListColumns columns{call.has("v"), call.has("Z"), false, call.has("c"), call.has("n")};
  if (columns.numa) columns.nodes = xl.xen().host().nodes;
  fmt::print("{}", list_head(columns));
  for (const XenDomain& domain : domains) fmt::print("{}", list_row(domain, columns));
  return 0;
}

int vcpu_list_of_xen(Xl& xl, const Call& call) {
  int status = 0;
  const std::vector<XenDomain> all = xl.xen().domains();
  std::vector<XenDomain> domains = call.args.empty() ? all : std::vector<XenDomain>();
  for (const std::string& name : call.args) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const XenDomain& domain) {
      return domain.name == name || std::to_string(domain.domid) == name;
    });
    if (found == all.end()) {
      fmt::print(stderr, "{} is an invalid domain identifier (rc=-6)\n", name);
      // A number is taken for one of a domain that was.
      if (!is_number(name)) status = 1;
    } else {
      domains.push_back(*found);
    }
  }
  const std::int64_t cpus = xl.xen().host().cpus;
  fmt::print("{}", vcpu_head());
  for (const XenDomain& domain : domains)
    for (const XenVcpu& vcpu : xl.xen().vcpus(domain.domid))
      fmt::print("{}", vcpu_row(domain, vcpu, cpus));
  return status;
}

// All domains by what vm-list, domid and domname tell of them.
std::vector<DomainState> named(Xl& xl) {
  if (!xl.on_xen()) return xl.domains();
  std::vector<DomainState> states;
  for (const XenDomain& domain : xl.xen().domains()) {
    DomainState& state = states.emplace_back();
    state.domid = domain.domid;
    state.uuid = domain.uuid;
    state.name = domain.name;
  }
  return states;
}

}  // namespace

int list(Xl& xl, const Call& call) {
  if (call.args.size() > 1) throw refusal(help_text(*call.command));
  if (xl.on_xen()) return list_of_xen(xl, call);
  const std::vector<DomainState> states = wanted(xl, call.args);
  if (call.has("l")) return list_long(xl, states);
  const bool verbose = call.has("v");
  fmt::print("{:<40} {:>5} {:>5} {:>5}\t{}\t{}", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
  if (verbose) fmt::print("   UUID                            Reason-Code\tSecurity Label");
  if (call.has("Z") && !verbose) fmt::print("   Security Label");
  if (call.has("c")) fmt::print("         Cpupool");
  if (call.has("n")) fmt::print(" NODE Affinity");
  fmt::print("\n");
  const std::vector<DomainStats> stats = xl.hypervisor().stats();
  for (const DomainState& state : states) {
    const std::vector<double> seconds = vcpu_seconds(stats, state.uuid);
    fmt::print("{:<40} {:>5} {:>5} {:>5}     {}  {:>8.1f}", state.name, state.domid,
               state.memory_bytes >> 20, state.vcpus,
               state.power == DomainPower::paused ? "--p---" : "r-----",
               std::accumulate(seconds.begin(), seconds.end(), 0.0));
    if (verbose) fmt::print(" {} {:>8} {:>16}", state.uuid, "-", "-");
    if (call.has("Z") && !verbose) fmt::print(" {:>16}", "-");
    if (call.has("c")) fmt::print(" {:>16}", "-");
    if (call.has("n")) fmt::print(" all");
    fmt::print("\n");
  }
  return 0;
}

int vm_list(Xl& xl, const Call&) {
  fmt::print("UUID                                  ID    name\n");
  for (const DomainState& state : named(xl))
    fmt::print("{}  {}    {:<30}\n", state.uuid, state.domid, state.name);
  return 0;
}

int vcpu_list(Xl& xl, const Call& call) {
  if (xl.on_xen()) return vcpu_list_of_xen(xl, call);
  int status = 0;
  std::vector<DomainState> states;
  if (call.args.empty()) states = xl.domains();
  for (const std::string& name : call.args) {
    try {
      states.push_back(xl.find(name));
    } catch (const Failure& failure) {
      fmt::print(stderr, "{}\n", failure.params().at(0));
      status = 1;
    }
  }
  fmt::print("{:<32} {:>5} {:>5} {:>5} {:>5} {:>9} {}\n", "Name", "ID", "VCPU", "CPU", "State",
             "Time(s)", "Affinity (Hard / Soft)");
  const std::vector<DomainStats> stats = xl.hypervisor().stats();
  for (const DomainState& state : states) {
    std::vector<double> seconds = vcpu_seconds(stats, state.uuid);
    seconds.resize(static_cast<std::size_t>(state.vcpus));
    for (std::size_t vcpu = 0; vcpu < seconds.size(); ++vcpu)
      fmt::print("{:<32} {:>5} {:>5} {:>4}   {} {:>9.1f}  all / all\n", state.name, state.domid,
                 vcpu, "-", state.power == DomainPower::paused ? "--p" : "r--", seconds[vcpu]);
  }
  return status;
}

int domid(Xl& xl, const Call& call) {
  for (const DomainState& state : named(xl))
    if (state.name == call.args[0]) {
      fmt::print("{}\n", state.domid);
      return 0;
    }
  throw refusal(fmt::format(
      "Can't get domid of domain name '{}', maybe this domain does not exist.", call.args[0]));
}

int domname(Xl& xl, const Call& call) {
  const std::string& number = call.args[0];
  if (number.empty() || number.find_first_not_of("0123456789") != number.npos)
    throw refusal("Invalid domain id.\n");
  for (const DomainState& state : named(xl))
    if (std::to_string(state.domid) == number) {
      fmt::print("{}\n", state.name);
      return 0;
    }
  throw refusal(fmt::format(
      "Can't get domain name of domain id '{}', maybe this domain does not exist.", number));
}

}  // namespace xcp::xl
