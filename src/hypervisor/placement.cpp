// SPDX-License-Identifier: GPL-2.0-or-later
// See placement.hpp.
#include "hypervisor/placement.hpp"

#include <algorithm>
#include <charconv>

#include "base/failure.hpp"

namespace xcp::hypervisor {

namespace {

// Xen's largest number of physical CPUs, and of hundredths that many can give.
constexpr int highest_cpu = 4095;
constexpr int highest_weight = 65535;
constexpr int highest_cap = (highest_cpu + 1) * 100;

std::optional<int> number(std::string_view text, int lowest, int highest) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value < lowest || value > highest ? std::nullopt : std::optional(value);
}

// "4-7,9"; nullopt for anything else.
std::optional<std::vector<int>> cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (true) {
    const auto comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = number(part.substr(0, dash), 0, highest_cpu);
    const auto last =
        dash == std::string_view::npos ? first : number(part.substr(dash + 1), 0, highest_cpu);
    if (!first || !last || *last < *first) return std::nullopt;
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

}  // namespace

Placement read_placement(const std::map<std::string, std::string>& vcpus_params,
                         std::int64_t vcpus_max) {
  const auto read = [&](const std::string& key, auto parse) {
    decltype(parse(std::string_view())) value;
    const auto found = vcpus_params.find(key);
    if (found == vcpus_params.end()) return value;
    value = parse(found->second);
    if (!value) throw Failure("INVALID_VALUE", {"VCPUs_params:" + key, found->second});
    return value;
  };
  Placement placement;
  placement.weight =
      read("weight", [](std::string_view text) { return number(text, 1, highest_weight); });
  placement.cap = read("cap", [](std::string_view text) { return number(text, 0, highest_cap); });
  const auto of_all = read("mask", cpu_list);
  bool pinned = of_all.has_value();
  for (std::int64_t vcpu = 0; vcpu < vcpus_max; ++vcpu) {
    const auto own = read("mask" + std::to_string(vcpu), cpu_list);
    pinned = pinned || own;
    placement.affinity.push_back(own.value_or(of_all.value_or(std::vector<int>())));
  }
  if (!pinned) placement.affinity.clear();
  return placement;
}

}  // namespace xcp::hypervisor
