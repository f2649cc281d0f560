// SPDX-License-Identifier: GPL-2.0-or-later
// A complete simulated hypervisor: the whole contract of hypervisor.hpp without any guest, for
// tests, for trying the toolstack out, and for measuring it with thousands of domains. Guests boot
// after a while, report an agent and addresses, obey or ignore requests, crash when told, and have
// consoles that answer. What was acknowledged survives a kill of the process; simulated guests end
// when the machine they run on is rebooted, as real ones do.
//
// Test aids (`Hypervisor::control`) are listed by the command "help".
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

struct SimSettings {
  std::string state_dir;      // must exist; one driver at a time; empty: nothing is kept
  std::uint64_t seed = 1;     // same seed, same uuids: same durations, addresses and statistics
  double time_scale = 1;      // factor on every simulated duration; 0: everything happens at once
  bool manual_clock = false;  // time moves by control("advance") alone
  std::int64_t memory_bytes = std::int64_t{1} << 40;
  std::int64_t host_memory_bytes = std::int64_t{2} << 30;  // of it, used by the host itself
  int cpus = 64;
  bool check_paths = false;                   // refuse disks, kernels and media that do not exist
  std::map<std::string, std::string> timing;  // duration -> "250" or "200..450" (milliseconds);
                                              // "operations" and "guests" name all of a kind
};

// From the options of a driver module: the members' names, and "timing.<duration>". Unknown keys
// are inert, a value that cannot be read is INVALID_VALUE [key, value].
SimSettings sim_settings(const std::string& state_dir,
                         const std::map<std::string, std::string>& options);

// Throws INTERNAL_ERROR when the state cannot be read or another driver uses it.
std::unique_ptr<Hypervisor> make_sim(const SimSettings& settings);

}  // namespace xcp::hypervisor
