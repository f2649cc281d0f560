// SPDX-License-Identifier: GPL-2.0-or-later
// What every backend that changes devices holds to: the right it needs, what a NIC must not carry
// when it becomes the uplink of a network, and stepping back when something later fails.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "ovs-integration/host/links.hpp"
#include "ovs-integration/network.hpp"

namespace xcp::network {

// INTERNAL_ERROR naming the backend when the process lacks CAP_NET_ADMIN.
void require_device_rights(const std::string& backend);

// PIF_CONFIGURATION_ERROR [uplink, reason].
Failure uplink_refused(const std::string& uplink, const std::string& reason);

// The network's uplink as a device; PIF_CONFIGURATION_ERROR when it is not there, is the loopback
// device, or ours.
Link uplink_of(HostLinks& links, const NetworkSpec& spec);
// Refuses to take from the host what it is reached by: PIF_IS_MANAGEMENT_INTERFACE for the default
// route (NOT_IMPLEMENTED when the route were to move along), PIF_CONFIGURATION_ERROR for an
// address.
void check_host_keeps_addresses(HostLinks& links, const NetworkSpec& spec, const Link& uplink);

// Steps back what was done when something later fails; last step first. A failure on the way back
// cannot be passed on: the first one is.
class Undo {
 public:
  ~Undo();
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void keep_everything() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace xcp::network
