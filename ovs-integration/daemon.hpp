// SPDX-License-Identifier: GPL-2.0-or-later
// xcp-networkd: the host's networks behind one socket. Neither its start nor its end touches a
// bridge that a guest uses.
#pragma once

#include <string>

#include "ovs-integration/local_network.hpp"

namespace xcp::network {

struct DaemonSettings {
  std::string socket = "/run/xcp/network.sock";
  std::string group = "xapi";  // besides root, who may call
  NetworkSettings network;
};

// Serves until SIGTERM or SIGINT, tells systemd when it is ready. Throws a Failure when it cannot
// start. Calls under way are finished before it returns, waits for events are broken off.
void serve(const DaemonSettings& settings);

}  // namespace xcp::network
