// SPDX-License-Identifier: GPL-2.0-or-later
// The door through which the daemon loads the simulated hypervisor; see hypervisor/driver.hpp.
#include "hypervisor/driver.hpp"
#include "hypervisor/sim/sim.hpp"

extern "C" __attribute__((visibility("default"))) xcp::hypervisor::Hypervisor*
xcp_hypervisor_driver(const xcp::hypervisor::DriverSettings& settings) {
  return make_sim(xcp::hypervisor::sim_settings(settings.state_dir, settings.options)).release();
}
