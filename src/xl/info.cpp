// SPDX-License-Identifier: GPL-2.0-or-later
// xl info and uptime.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>

#include "base/fd.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

void line(const char* name, const std::string& value) {
  fmt::print("{:<23}: {}\n", name, value);
}

std::string fact(const std::map<std::string, std::string>& facts, const char* name,
                 const char* otherwise) {
  const auto found = facts.find(name);
  return found == facts.end() || found->second.empty() ? otherwise : found->second;
}

std::int64_t host_uptime_seconds() {
  const auto text = read_file("/proc/uptime");
  return text ? static_cast<std::int64_t>(std::strtod(text->c_str(), nullptr)) : 0;
}

std::string days(std::int64_t seconds) {
  const std::int64_t count = seconds / 86400;
  return count == 0 ? "" : fmt::format("{} day{}, ", count, count == 1 ? "" : "s");
}

void print_uptime(const std::string& name, std::int64_t domid, std::int64_t seconds, bool brief) {
  const std::int64_t rest = seconds % 86400;
  if (!brief) {
    fmt::print("{:<32} {:>5} {}{:2}:{:02}:{:02}\n", name, domid, days(seconds), rest / 3600,
               rest / 60 % 60, rest % 60);
    return;
  }
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  fmt::print(" {:02}:{:02}:{:02} up {}{:2}:{:02}, {} ({})\n", local.tm_hour, local.tm_min,
             local.tm_sec, days(seconds), rest / 3600, rest / 60 % 60, name, domid);
}

int info_of_xen(Xl& xl, const Call& call) {
  if (call.has("x"))
    throw refusal("xl info: not available: this Xen tells nothing of the settings of xenstore.");
  const XenHost host = xl.xen().host();
  fmt::print("{}", machine_lines(host));
  if (call.has("n")) fmt::print("{}", topology_lines(xl.xen().topology()));
  fmt::print("{}", xen_lines(host));
  return 0;
}

struct Started {
  std::string name;
  std::int64_t domid = 0;
  std::int64_t time = 0;
};

std::vector<Started> started(Xl& xl, const std::vector<std::string>& names) {
  std::vector<Started> all;
  const auto add = [&](const auto& domain) {
    all.push_back({domain.name, domain.domid, domain.start_time});
  };
  if (xl.on_xen()) {
    if (names.empty())
      for (const XenDomain& domain : xl.xen().domains()) add(domain);
    for (const std::string& name : names) add(xl.find_xen(name));
    return all;
  }
  if (names.empty())
    for (const hypervisor::DomainState& state : xl.domains()) add(state);
  for (const std::string& name : names) add(xl.find(name));
  return all;
}

}  // namespace

int info(Xl& xl, const Call& call) {
  const hypervisor::HostFacts& host = xl.host();
  utsname system{};
  uname(&system);
  line("host", system.nodename);
  line("release", system.release);
  line("version", system.version);
  line("machine", system.machine);
  if (xl.on_xen()) return info_of_xen(xl, call);
  const std::int64_t cpus = xl.cpus().cpus;
  line("nr_cpus", std::to_string(cpus));
  line("max_cpu_id", std::to_string(cpus - 1));
  line("nr_nodes", fact(host.cpu, "nr_nodes", "1"));
  line("cores_per_socket", fact(host.cpu, "cores_per_socket", std::to_string(cpus).c_str()));
  line("threads_per_core", fact(host.cpu, "threads_per_core", "1"));
  line("cpu_mhz", fact(host.cpu, "speed", "unknown"));
  line("total_memory", std::to_string(host.memory_total_bytes >> 20));
  line("free_memory", std::to_string(host.memory_free_bytes >> 20));
  line("hypervisor", host.hypervisor);
  line("accelerated", host.accelerated ? "yes" : "no");
  line("driver", host.driver);
  for (const auto& [name, version] : host.versions) line((name + "_version").c_str(), version);
  if (!host.capabilities.empty())
    line("xen_caps", fmt::format("{}", fmt::join(host.capabilities, " ")));
  if (call.has("n") || call.has("x"))
    throw refusal(
        "xl info: not available: the hypervisor daemon tells nothing of NUMA or xenstore.");
  return 0;
}

int uptime(Xl& xl, const Call& call) {
  const bool brief = call.has("s");
  const std::vector<Started> domains = started(xl, call.args);
  if (!brief) fmt::print("{:<33} {:>4} {}\n", "Name", "ID", "Uptime");
  const bool has_dom0 = !domains.empty() && domains[0].domid == 0;
  // The host's own, as every xl begins.
  if (call.args.empty() && !has_dom0) print_uptime("Domain-0", 0, host_uptime_seconds(), brief);
  const std::int64_t now = std::time(nullptr);
  for (const Started& domain : domains)
    print_uptime(
        domain.name, domain.domid,
        domain.domid == 0 ? host_uptime_seconds() : std::max<std::int64_t>(0, now - domain.time),
        brief);
  return 0;
}

}  // namespace xcp::xl
