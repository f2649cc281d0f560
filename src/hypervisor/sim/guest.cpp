// SPDX-License-Identifier: GPL-2.0-or-later
// See guest.hpp. Statistics are integrals of smooth made-up loads over the guest's own time: they
// cost nothing while nobody asks, never run backwards, and are the same in every run of one seed.
#include "hypervisor/sim/guest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr double mebibyte = 1024.0 * 1024.0;

// The integral from 0 to `seconds` of a load that swings around `level` and is never negative.
double used(double level, double seconds, double period_s, double phase) {
  if (seconds <= 0) return 0;
  const double w = 2 * M_PI / period_s;
  const double swing = level * 0.8;
  return level * seconds + swing / w * (std::cos(phase) - std::cos(w * seconds + phase));
}

struct Load {
  double idle_level;
  double boot_level;
};

// Boot seconds weigh more than the rest; `from` lets a device start at zero when it is plugged in.
double used_between(const Domain& domain, const Load& load, double from_s, double to_s,
                    std::uint64_t seed, std::uint64_t number) {
  const double boot_from_s = static_cast<double>(domain.boot_began_active_ms) / 1000;
  const double boot_to_s = boot_from_s + static_cast<double>(domain.boot_length_ms) / 1000;
  const double booting_s = std::max(0.0, std::min(to_s, boot_to_s) - std::max(from_s, boot_from_s));
  const std::string& uuid = domain.spec.uuid;
  const double period_s = 40 + 200 * mixed_fraction(seed, uuid, number * 3);
  const double phase = 2 * M_PI * mixed_fraction(seed, uuid, number * 3 + 1);
  return load.boot_level * booting_s + used(load.idle_level, to_s, period_s, phase) -
         used(load.idle_level, from_s, period_s, phase);
}

double plugged_s(const Domain& domain, const std::string& key) {
  const auto found = domain.plugged_active_ms.find(key);
  return found == domain.plugged_active_ms.end() ? 0 : static_cast<double>(found->second) / 1000;
}

DomainStats::Io io_of(const Domain& domain, const std::string& device, Load read, Load write,
                      double from_s, double to_s, double bytes_per_op, std::uint64_t seed,
                      std::uint64_t number) {
  DomainStats::Io io;
  io.device = device;
  const auto bytes = [&](const Load& load, std::uint64_t which) {
    return std::llround(used_between(domain, load, from_s, to_s, seed, number * 2 + which));
  };
  io.read_bytes = bytes(read, 0);
  io.write_bytes = bytes(write, 1);
  io.read_ops = std::llround(static_cast<double>(io.read_bytes) / bytes_per_op);
  io.write_ops = std::llround(static_cast<double>(io.write_bytes) / bytes_per_op);
  return io;
}

// fe80::/64 with the interface identifier every guest makes of its MAC address.
std::string link_local_address(const std::string& mac) {
  unsigned m[6];
  if (std::sscanf(mac.c_str(), "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
    return {};
  return fmt::format("fe80::{:x}:{:x}:{:x}:{:x}", ((m[0] ^ 2u) << 8) | m[1], (m[2] << 8) | 0xffu,
                     0xfe00u | m[3], (m[4] << 8) | m[5]);
}

}  // namespace

bool is_running(const Domain& domain) {
  return domain.state.power == DomainPower::running;
}

std::int64_t active_ms_at(const Domain& domain, std::int64_t now_ms) {
  if (!is_running(domain)) return domain.active_ms;
  return domain.active_ms + std::max<std::int64_t>(0, now_ms - domain.since_ms);
}

std::int64_t time_of_active_ms(const Domain& domain, std::int64_t active_ms) {
  return domain.since_ms + (active_ms - domain.active_ms);
}

std::string host_name_of(const Domain& domain) {
  std::string name;
  for (const char c : domain.spec.name) {
    if (name.size() == 63) break;
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0)
      name += static_cast<char>(std::tolower(byte));
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "guest" : name;
}

GuestFacts facts_of(const Domain& domain) {
  GuestFacts facts;
  if (!domain.agent) return facts;
  facts.agent_alive = true;
  facts.agent_version = "1.0.0";
  facts.os_version = {{"name", "Debian GNU/Linux 12 (bookworm)"},
                      {"distro", "debian"},
                      {"major", "12"},
                      {"minor", "0"},
                      {"uname", "6.1.0-sim-amd64"}};
  facts.other = {{"hostname", host_name_of(domain)}};
  for (const NicSpec& nic : domain.state.nics) {
    const auto address = domain.addresses.find(nic.device);
    if (address == domain.addresses.end()) continue;
    facts.networks[nic.device + "/ip"] = address->second;
    facts.networks[nic.device + "/ipv4/0"] = address->second;
    const std::string link_local = link_local_address(nic.mac);
    if (!link_local.empty()) facts.networks[nic.device + "/ipv6/0"] = link_local;
  }
  return facts;
}

DomainStats stats_of(const Domain& domain, std::int64_t now_ms, std::uint64_t seed) {
  const double now_s = static_cast<double>(active_ms_at(domain, now_ms)) / 1000;
  const std::string& uuid = domain.spec.uuid;
  DomainStats stats;
  stats.uuid = uuid;
  stats.memory_bytes = domain.state.memory_bytes;
  if (domain.agent) {
    const double idle_part = 0.35 + 0.4 * mixed_fraction(seed, uuid, 1000);
    const double wave = 0.05 * std::sin(now_s / 60);
    stats.memory_free_bytes =
        std::llround(static_cast<double>(stats.memory_bytes) * (idle_part + wave));
  }
  for (std::size_t i = 0; i < domain.vcpu_added_active_ms.size(); ++i) {
    const double level = 0.02 + 0.3 * std::pow(mixed_fraction(seed, uuid, 2000 + i), 3);
    const double from_s = static_cast<double>(domain.vcpu_added_active_ms[i]) / 1000;
    stats.vcpu_seconds.push_back(
        used_between(domain, {level, i == 0 ? 0.5 : 0.2}, from_s, now_s, seed, 3000 + i));
  }
  for (const DiskSpec& disk : domain.state.disks) {
    const std::uint64_t number = 4000 + mixed(0, disk.device, 0) % 1000;
    const double busy = disk.path.empty() ? 0 : mixed_fraction(seed, uuid, number);
    const Load read{disk.cdrom ? 0 : busy * 0.2 * mebibyte, busy * 24 * mebibyte};
    const Load write{disk.read_only || disk.cdrom ? 0 : busy * 0.4 * mebibyte,
                     disk.read_only || disk.cdrom ? 0 : busy * 2 * mebibyte};
    stats.disks.push_back(io_of(domain, disk.device, read, write,
                                plugged_s(domain, "disk/" + disk.device), now_s, 16384, seed,
                                number));
  }
  for (const NicSpec& nic : domain.state.nics) {
    const std::uint64_t number = 6000 + mixed(0, nic.device, 0) % 1000;
    const double busy = mixed_fraction(seed, uuid, number);
    stats.nics.push_back(io_of(domain, nic.device, {busy * 60000, busy * 3000},
                               {busy * 25000, busy * 1000}, plugged_s(domain, "nic/" + nic.device),
                               now_s, 700, seed, number));
  }
  return stats;
}

DiskSpec* find_disk(Domain& domain, const std::string& device) {
  const auto found = std::find_if(domain.state.disks.begin(), domain.state.disks.end(),
                                  [&](const DiskSpec& disk) { return disk.device == device; });
  return found == domain.state.disks.end() ? nullptr : &*found;
}

NicSpec* find_nic(Domain& domain, const std::string& device) {
  const auto found = std::find_if(domain.state.nics.begin(), domain.state.nics.end(),
                                  [&](const NicSpec& nic) { return nic.device == device; });
  return found == domain.state.nics.end() ? nullptr : &*found;
}

}  // namespace xcp::hypervisor::sim
