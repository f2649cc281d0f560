// SPDX-License-Identifier: GPL-2.0-or-later
// xl sched-credit, sched-credit2, sched-rtds: parameters of schedulers, of a domain, its virtual
// CPUs, or a CPU pool.
#include <fmt/format.h>

#include <charconv>

#include "xl/cfg/components.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using Number = std::optional<std::int64_t>;

Number number_in(const Call& call, const std::string& option) {
  if (!call.has(option)) return std::nullopt;
  const std::string text = call.value(option);
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end)
    throw refusal(fmt::format("option `{}' takes a number, not `{}'", option, text));
  return number;
}

// Those of the scheduler; of one pool when it is named.
std::vector<XenCpuPool> pools_of(Xl& xl, const std::string& scheduler, const std::string& name) {
  std::vector<XenCpuPool> pools;
  bool known = name.empty();
  for (XenCpuPool& pool : xl.xen().cpu_pools()) {
    if (!name.empty() && pool.name != name && std::to_string(pool.id) != name) continue;
    known = true;
    if (pool.scheduler == scheduler) pools.push_back(std::move(pool));
  }
  if (!known) throw refusal(fmt::format("unknown cpupool '{}'", name));
  return pools;
}

std::string pool_line(Xl& xl, const XenCpuPool& pool) {
  return pool_schedule_line(pool, xl.xen().pool_schedule(pool.name));
}

int show_pools(Xl& xl, const std::string& scheduler, const std::string& name, bool of_vcpus) {
  const std::vector<XenDomain> domains = xl.xen().domains();
  for (const XenCpuPool& pool : pools_of(xl, scheduler, name)) {
    fmt::print("{}{}", pool_line(xl, pool), schedule_head(scheduler, of_vcpus));
    for (const XenDomain& domain : domains) {
      if (domain.cpu_pool != pool.name) continue;
      if (!of_vcpus) {
        fmt::print("{}", schedule_row(domain, xl.xen().schedule(domain.domid)));
        continue;
      }
      for (const XenSchedule& schedule : xl.xen().vcpu_schedules(domain.domid, {}))
        fmt::print("{}", schedule_row(domain, schedule));
    }
  }
  return 0;
}

XenSchedule schedule_of(Xl& xl, const XenDomain& domain, const std::string& scheduler) {
  XenSchedule schedule = xl.xen().schedule(domain.domid);
  if (schedule.scheduler != scheduler)
    throw refusal(fmt::format("libxl_domain_sched_params_get returned {} not {}.",
                              schedule.scheduler, scheduler));
  return schedule;
}

int show_domain(Xl& xl, const XenDomain& domain, const std::string& scheduler) {
  fmt::print("{}", schedule_head(scheduler, false));
  fmt::print("{}", schedule_row(domain, schedule_of(xl, domain, scheduler)));
  return 0;
}

int pool_parameters(Xl& xl, const Call& call, const std::string& scheduler) {
  hypervisor::XenPoolSchedule wanted;
  wanted.tslice_ms = number_in(call, "t");
  wanted.ratelimit_us = number_in(call, "r");
  wanted.migration_delay_us = number_in(call, "m");
  const std::string name = call.has("p") ? call.value("p") : "0";
  const std::vector<XenCpuPool> pools = pools_of(xl, scheduler, name);
  if (pools.empty()) throw refusal(fmt::format("libxl_sched_{}_params_get failed.", scheduler));
  if (wanted.tslice_ms || wanted.ratelimit_us || wanted.migration_delay_us)
    xl.xen().set_pool_schedule(pools[0].name, wanted);
  else
    fmt::print("{}", pool_line(xl, pools[0]));
  return 0;
}

int weights(Xl& xl, const Call& call, const std::string& scheduler) {
  XenSchedule wanted;
  wanted.scheduler = scheduler;
  wanted.weight = number_in(call, "w");
  wanted.cap = number_in(call, "c");
  const bool change = wanted.weight || wanted.cap;
  if (change && !call.has("d")) throw refusal("Must specify a domain.");
  if (call.has("s")) return pool_parameters(xl, call, scheduler);
  if (!call.has("d")) return show_pools(xl, scheduler, call.value("p"), false);
  const XenDomain domain = xl.find_xen(call.value("d"));
  if (!change) return show_domain(xl, domain, scheduler);
  schedule_of(xl, domain, scheduler);
  xl.xen().set_schedule(domain.domid, wanted);
  return 0;
}

// The values of an option that may be given again; as many as there are virtual CPUs.
std::vector<Number> values_of(const Call& call, const std::string& option, std::size_t count) {
  if (!call.has(option)) return std::vector<Number>(count);
  std::vector<Number> values;
  for (const std::string& text : cfg::split(call.value(option), '\n')) {
    Call one;
    one.options[option] = text;
    values.push_back(number_in(one, option));
  }
  if (values.size() != count) throw refusal("Incorrect number of period, budget and extratime");
  return values;
}

std::vector<XenSchedule> rtds_wanted(const Call& call, const std::vector<Number>& vcpus) {
  const std::vector<Number> periods = values_of(call, "p", vcpus.size());
  const std::vector<Number> budgets = values_of(call, "b", vcpus.size());
  const std::vector<Number> extras = values_of(call, "e", vcpus.size());
  std::vector<XenSchedule> schedules;
  for (std::size_t i = 0; i < vcpus.size(); ++i) {
    if (extras[i] && *extras[i] != 0 && *extras[i] != 1) throw refusal("Invalid extratime.");
    XenSchedule& schedule = schedules.emplace_back();
    schedule.scheduler = "rtds";
    schedule.vcpu = vcpus[i];
    schedule.period_us = periods[i];
    schedule.budget_us = budgets[i];
    if (extras[i]) schedule.extratime = *extras[i] != 0;
  }
  return schedules;
}

}  // namespace

int sched_credit(Xl& xl, const Call& call) {
  const bool of_domain = call.has("d") || call.has("w") || call.has("c");
  if ((call.has("p") || call.has("s")) && of_domain)
    throw refusal("Specifying a cpupool or schedparam is not allowed with domain options.");
  if (!call.has("s") && (call.has("t") || call.has("r") || call.has("m")))
    throw refusal("Must specify schedparam to set schedule parameter values.");
  return weights(xl, call, "credit");
}

int sched_credit2(Xl& xl, const Call& call) {
  if (call.has("p") && (call.has("d") || call.has("w") || call.has("c")))
    throw refusal("Specifying a cpupool is not allowed with other options.");
  return weights(xl, call, "credit2");
}

int sched_rtds(Xl& xl, const Call& call) {
  const bool change = call.has("p") || call.has("b") || call.has("e");
  const bool all = call.value("v") == "all";
  if (!call.has("d")) {
    if (change) throw refusal("Missing parameters.");
    if (call.has("v") && !all) throw refusal("Must specify a domain.");
    return show_pools(xl, "rtds", "", all);
  }
  const XenDomain domain = xl.find_xen(call.value("d"));
  if (!call.has("v")) {
    if (change) throw refusal("Must specify VCPU.");
    return show_domain(xl, domain, "rtds");
  }
  schedule_of(xl, domain, "rtds");
  std::vector<Number> vcpus;
  if (all)
    vcpus.emplace_back();
  else
    vcpus = values_of(call, "v", cfg::split(call.value("v"), '\n').size());
  if (change) {
    xl.xen().set_vcpu_schedules(domain.domid, rtds_wanted(call, vcpus));
    return 0;
  }
  Numbers shown;
  for (const Number& vcpu : vcpus)
    if (vcpu) shown.push_back(*vcpu);
  fmt::print("{}", schedule_head("rtds", true));
  for (const XenSchedule& schedule : xl.xen().vcpu_schedules(domain.domid, shown))
    fmt::print("{}", schedule_row(domain, schedule));
  return 0;
}

}  // namespace xcp::xl
