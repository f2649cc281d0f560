// SPDX-License-Identifier: GPL-2.0-or-later
// xcp-hypervisord: one driver behind one socket. Guests are never touched by its start or end.
#pragma once

#include <map>
#include <string>

#include "hypervisor/driver.hpp"

namespace xcp::hypervisor {

struct DaemonSettings {
  std::string socket = "/run/xcp/hypervisor.sock";
  std::string group = "xapi";  // besides root, who may call
  // A module's name, or its path; auto: libxl in a Xen host's first domain, else libvirt.
  std::string driver = "libvirt";
  std::string module_directory;
  DriverSettings driver_settings;
};

// Serves until SIGTERM or SIGINT, tells systemd when it is ready. Throws a Failure when it cannot
// start. Calls under way are finished before it returns, waits for events are broken off.
void serve(const DaemonSettings& settings);

}  // namespace xcp::hypervisor
