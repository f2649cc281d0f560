// SPDX-License-Identifier: GPL-2.0-or-later
// xl psr-*: watching and sharing of caches and memory bandwidth. Where the processor cannot, each
// ends as every xl does, with a status that scripts know.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "xl/cfg/cpus.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using hypervisor::XenPsrFeature;
using hypervisor::XenPsrMonitor;
using hypervisor::XenPsrSocket;
using hypervisor::XenPsrValue;

constexpr int status_of_libxl = 253;
constexpr int status_disabled = 255;

// What libxl refuses ends with its own status.
template <class Action>
auto asked(Action action) {
  try {
    return action();
  } catch (const Failure& failure) {
    if (failure.code() != "INTERNAL_ERROR") throw;
    throw refusal(failure.params()[0], status_of_libxl);
  }
}

std::string row(const char* name, const auto& value) {
  return fmt::format("{:<16}: {}\n", name, value);
}

std::vector<XenPsrSocket> sockets_of(Xl& xl, XenPsrFeature feature) {
  return asked([&] { return xl.xen().psr_sockets(feature); });
}

void tell_monitoring(Xl& xl) {
  const hypervisor::XenPsrMonitoring monitoring = xl.xen().psr_monitoring();
  fmt::print("Cache Monitoring Technology (CMT):\n{}", row("Enabled", int{monitoring.enabled}));
  if (!monitoring.enabled) return;
  fmt::print("{}Supported monitor types:\n", row("Total RMID", monitoring.ids));
  for (const XenPsrMonitor what : monitoring.supported) switch (what) {
      case XenPsrMonitor::cache_occupancy:
        fmt::print("cache-occupancy\n");
        break;
      case XenPsrMonitor::total_bandwidth:
        fmt::print("total-mem-bandwidth\n");
        break;
      case XenPsrMonitor::local_bandwidth:
        fmt::print("local-mem-bandwidth\n");
        break;
    }
}

void tell_caches(Xl& xl, XenPsrFeature feature) {
  for (const XenPsrSocket& socket : sockets_of(xl, feature)) {
    fmt::print("Cache Allocation Technology (CAT):\n{}", row("Socket ID", socket.socket));
    if (feature == XenPsrFeature::l3_cache)
      fmt::print("{}{}", row("L3 Cache", fmt::format("{}KB", socket.cache_kib)),
                 row("CDP Status", socket.code_and_data ? "Enabled" : "Disabled"));
    fmt::print("{}{}{}", row("Maximum COS", socket.classes_max),
               row("CBM length", socket.mask_bits),
               row("Default CBM", fmt::format("{:#x}", (1ULL << socket.mask_bits) - 1)));
  }
}

void tell_bandwidth(Xl& xl) {
  for (const XenPsrSocket& socket : sockets_of(xl, XenPsrFeature::memory_bandwidth))
    fmt::print(
        "Memory Bandwidth Allocation (MBA):\nSocket ID               : {}\nLinear Mode           "
        "  : {}\nMaximum COS             : {}\nMaximum Throttling Value: {}\nDefault Throttling "
        "Value: 0\n",
        socket.socket, socket.linear ? "Enabled" : "Disabled", socket.classes_max,
        socket.throttle_max);
}

std::vector<XenDomain> wanted(Xl& xl, const Call& call, std::size_t first) {
  if (call.args.size() > first) return {xl.find_xen(call.args[first])};
  return xl.xen().domains();
}

XenPsrFeature cache_of_level(const Call& call) {
  const std::string level = call.has("l") ? call.value("l") : "3";
  if (level == "2") return XenPsrFeature::l2_cache;
  if (level == "3") return XenPsrFeature::l3_cache;
  throw refusal(fmt::format("Input lvl {} is wrong!", level));
}

std::uint64_t number_of(const std::string& text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + (hex ? 2 : 0), end, number, hex ? 16 : 10);
  if (result.ec != std::errc() || result.ptr != end)
    throw refusal(fmt::format("`{}' is not a number", text));
  return number;
}

Numbers chosen_sockets(const Call& call) {
  Numbers sockets;
  if (!call.has("s")) return sockets;
  const auto span = cfg::span_of(call.value("s"));
  if (!span) throw refusal(fmt::format("`{}' is not a range of sockets", call.value("s")));
  for (std::int64_t socket = span->first; socket <= span->last; ++socket) sockets.push_back(socket);
  return sockets;
}

std::string masks_of(Xl& xl, const XenDomain& domain, const XenPsrSocket& socket,
                     XenPsrFeature feature) {
  const auto mask = [&](XenPsrValue what) {
    return fmt::format(
        "{:#x}", asked([&] { return xl.xen().psr_value(domain.domid, what, socket.socket); }));
  };
  if (feature == XenPsrFeature::l2_cache) return fmt::format("{:>16}", mask(XenPsrValue::l2_mask));
  if (!socket.code_and_data) return fmt::format("{:>16}", mask(XenPsrValue::l3_mask));
  return fmt::format("{:>16}{:>16}", mask(XenPsrValue::l3_code_mask),
                     mask(XenPsrValue::l3_data_mask));
}

XenPsrMonitor monitor_of(const std::string& word) {
  if (word == "cache-occupancy") return XenPsrMonitor::cache_occupancy;
  if (word == "total-mem-bandwidth") return XenPsrMonitor::total_bandwidth;
  if (word == "local-mem-bandwidth") return XenPsrMonitor::local_bandwidth;
  throw refusal(fmt::format("Monitor type '{}' is not supported in the system", word));
}

// Of bandwidth: what was counted between two looks. nullopt: the domain is not monitored.
std::optional<std::string> used(Xl& xl, const XenDomain& domain, XenPsrMonitor what,
                                std::int64_t socket) {
  constexpr unsigned between_looks_us = 10000;
  const auto look = [&] {
    return asked([&] { return xl.xen().psr_sample(domain.domid, what, socket); });
  };
  const auto first = look();
  if (!first) return std::nullopt;
  if (what == XenPsrMonitor::cache_occupancy) return fmt::format("{:>13} KB", first->value / 1024);
  usleep(between_looks_us);
  const auto second = look();
  if (!second || second->clock <= first->clock) return std::nullopt;
  const double seconds = static_cast<double>(second->clock - first->clock) /
                         (static_cast<double>(xl.xen().host().cpu_khz) * 1000);
  const double kib = static_cast<double>(second->value - first->value) / 1024;
  return fmt::format("{:>11} KB/s", static_cast<std::int64_t>(kib / seconds));
}

}  // namespace

int psr_hwinfo(Xl& xl, const Call& call) {
  const bool all = !call.has("m") && !call.has("a") && !call.has("b");
  if (all || call.has("m")) tell_monitoring(xl);
  if (all || call.has("a")) {
    tell_caches(xl, XenPsrFeature::l3_cache);
    tell_caches(xl, XenPsrFeature::l2_cache);
  }
  if (all || call.has("b")) tell_bandwidth(xl);
  return 0;
}

int psr_cmt_attach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  asked([&] { xl.xen().psr_monitor(domain.domid, true); });
  return 0;
}

int psr_cmt_detach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  asked([&] { xl.xen().psr_monitor(domain.domid, false); });
  return 0;
}

int psr_cmt_show(Xl& xl, const Call& call) {
  const hypervisor::XenPsrMonitoring monitoring = xl.xen().psr_monitoring();
  const XenPsrMonitor what = monitor_of(call.args[0]);
  if (!monitoring.enabled) throw refusal("CMT is disabled in the system", status_disabled);
  if (std::find(monitoring.supported.begin(), monitoring.supported.end(), what) ==
      monitoring.supported.end())
    throw refusal(fmt::format("Monitor type '{}' is not supported in the system", call.args[0]),
                  status_disabled);
  fmt::print("Total RMID: {}\n{:<40} {:>5}", monitoring.ids, "Name", "ID");
  for (const std::int64_t socket : monitoring.sockets) fmt::print("{:>14} {}", "Socket", socket);
  fmt::print("\n");
  for (const XenDomain& domain : wanted(xl, call, 1)) {
    std::string values;
    for (const std::int64_t socket : monitoring.sockets)
      values += used(xl, domain, what, socket).value_or("");
    if (!values.empty()) fmt::print("{:<40} {:>5}{}\n", domain.name, domain.domid, values);
  }
  return 0;
}

int psr_cat_set(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const XenPsrFeature feature = cache_of_level(call);
  const bool code = call.has("c") && !call.has("d");
  const bool data = call.has("d") && !call.has("c");
  const XenPsrValue what = feature == XenPsrFeature::l2_cache ? XenPsrValue::l2_mask
                           : code                             ? XenPsrValue::l3_code_mask
                           : data                             ? XenPsrValue::l3_data_mask
                                                              : XenPsrValue::l3_mask;
  const auto mask = static_cast<std::int64_t>(number_of(call.args[1]));
  asked([&] { xl.xen().set_psr_value(domain.domid, what, chosen_sockets(call), mask); });
  return 0;
}

int psr_cat_show(Xl& xl, const Call& call) {
  const XenPsrFeature feature = cache_of_level(call);
  for (const XenPsrSocket& socket : sockets_of(xl, feature)) {
    fmt::print("{}", row("Socket ID", socket.socket));
    if (feature == XenPsrFeature::l3_cache)
      fmt::print("{}", row("L3 Cache", fmt::format("{}KB", socket.cache_kib)));
    fmt::print("{}", row("Default CBM", fmt::format("{:#x}", (1ULL << socket.mask_bits) - 1)));
    if (socket.code_and_data)
      fmt::print("{:>5}{:>25}{:>16}{:>16}\n", "ID", "NAME", "CBM (code)", "CBM (data)");
    else
      fmt::print("{:>5}{:>25}{:>16}\n", "ID", "NAME", "CBM");
    for (const XenDomain& domain : wanted(xl, call, 0))
      fmt::print("{:>5}{:>25}{}\n", domain.domid, domain.name,
                 masks_of(xl, domain, socket, feature));
  }
  return 0;
}

int psr_mba_set(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const auto value = static_cast<std::int64_t>(number_of(call.args[1]));
  asked([&] {
    xl.xen().set_psr_value(domain.domid, XenPsrValue::throttle, chosen_sockets(call), value);
  });
  return 0;
}

int psr_mba_show(Xl& xl, const Call& call) {
  for (const XenPsrSocket& socket : sockets_of(xl, XenPsrFeature::memory_bandwidth)) {
    fmt::print("{}{}{:>5}{:>25}{:>16}\n", row("Socket ID", socket.socket), row("Default THRTL", 0),
               "ID", "NAME", "THRTL");
    for (const XenDomain& domain : wanted(xl, call, 0))
      fmt::print("{:>5}{:>25}{:>16}\n", domain.domid, domain.name, asked([&] {
                   return xl.xen().psr_value(domain.domid, XenPsrValue::throttle, socket.socket);
                 }));
  }
  return 0;
}

}  // namespace xcp::xl
