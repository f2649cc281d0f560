// SPDX-License-Identifier: GPL-2.0-or-later
// Options of the module, which are texts, to SimSettings.
#include "hypervisor/sim/sim.hpp"
#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor {

SimSettings sim_settings(const std::string& state_dir,
                         const std::map<std::string, std::string>& options) {
  using namespace sim;
  SimSettings settings;
  settings.state_dir = state_dir;
  constexpr std::string_view timing_prefix = "timing.";
  for (const auto& [key, text] : options) {
    if (key == "seed")
      settings.seed = static_cast<std::uint64_t>(parse_whole(key, text));
    else if (key == "time_scale")
      settings.time_scale = parse_real(key, text);
    else if (key == "manual_clock")
      settings.manual_clock = parse_flag(key, text);
    else if (key == "memory_bytes")
      settings.memory_bytes = parse_whole(key, text);
    else if (key == "host_memory_bytes")
      settings.host_memory_bytes = parse_whole(key, text);
    else if (key == "cpus")
      settings.cpus = static_cast<int>(parse_whole(key, text));
    else if (key == "check_paths")
      settings.check_paths = parse_flag(key, text);
    else if (key.starts_with(timing_prefix))
      settings.timing[key.substr(timing_prefix.size())] = text;
  }
  return settings;
}

}  // namespace xcp::hypervisor
