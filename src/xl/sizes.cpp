// SPDX-License-Identifier: GPL-2.0-or-later
// xl mem-set, mem-max and vcpu-set. Domains that are not ours, and domain 0, are changed through
// Xen itself.
#include <fmt/format.h>

#include <charconv>

#include "xl/refusal.hpp"
#include "xl/verbs.hpp"

namespace xcp::xl {

namespace {

// MiB unless a letter says otherwise.
std::int64_t bytes_of(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  const std::string unit(result.ptr, end);
  int shift = -1;
  if (unit.empty() || unit == "m" || unit == "M") shift = 20;
  if (unit == "b" || unit == "B") shift = 0;
  if (unit == "k" || unit == "K") shift = 10;
  if (unit == "g" || unit == "G") shift = 30;
  if (unit == "t" || unit == "T") shift = 40;
  if (result.ec != std::errc() || number <= 0 || shift < 0 || number > (INT64_MAX >> shift))
    throw refusal(fmt::format("invalid memory size: {}", text));
  return number << shift;
}

}  // namespace

int mem_max(Xl& xl, const Call& call) {
  const hypervisor::XenDomain domain = xl.find_xen(call.args[0]);
  xl.xen().set_memory_max(domain.domid, bytes_of(call.args[1]) >> 10);
  return 0;
}

int mem_set(Xl& xl, const Call& call) {
  if (const auto domain = xl.of_others(call.args[0])) {
    xl.xen().set_memory_target(domain->domid, bytes_of(call.args[1]) >> 10);
    return 0;
  }
  const hypervisor::DomainState state = xl.find(call.args[0]);
  xl.hypervisor().set_memory_target(state.uuid, bytes_of(call.args[1]));
  return 0;
}

int vcpu_set(Xl& xl, const Call& call) {
  const auto other = xl.of_others(call.args[0]);
  const std::string uuid = other ? "" : xl.find(call.args[0]).uuid;
  const std::string& text = call.args[1];
  std::int64_t count = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || count < 1)
    throw refusal("Error: Invalid argument.");
  if (const std::int64_t cpus = xl.cpus().cpus; count > cpus && !call.has("i"))
    throw refusal(fmt::format(
        "You are overcommmitting! You have {} physical CPUs and want {} vCPUs! Aborting, use "
        "--ignore-host to continue",
        cpus, count));
  if (other)
    xl.xen().set_vcpus_online(other->domid, count);
  else
    xl.hypervisor().set_vcpus(uuid, count);
  return 0;
}

}  // namespace xcp::xl
