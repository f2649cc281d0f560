// SPDX-License-Identifier: GPL-2.0-or-later
// What a backend does with devices when LocalNetwork tells it what is wanted. LocalNetwork keeps
// the desired state, checks what can be checked without devices, and calls `ensure`, `remove` and
// `repair` one at a time, the rest from any thread at any time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ovs-integration/desired_state.hpp"
#include "ovs-integration/host/nics.hpp"
#include "ovs-integration/network.hpp"

namespace xcp::network {

struct OvsSettings {
  std::string socket = "/var/run/openvswitch/db.sock";  // of ovsdb-server
  // Of bridges: "system", the kernel's module, or "netdev", packets through ovs-vswitchd itself.
  std::string datapath_type = "system";
  // How long Open vSwitch may be away, or take for one change.
  std::chrono::milliseconds patience = std::chrono::seconds(5);
};

class Datapath {
 public:
  virtual ~Datapath() = default;

  virtual Backend backend() const = 0;
  virtual std::vector<NicInfo> nics() = 0;
  virtual std::vector<NicStats> nic_stats() = 0;
  // Names of devices that a new bridge cannot have.
  virtual std::set<std::string> taken_names() = 0;
  // Whether the hypervisor makes a device of a given name for a port.
  virtual bool has_port_devices() const = 0;

  // Makes the network so, and fills into `record` what has to be remembered; a failure leaves the
  // devices as they were. `before`: what was wanted until now, if anything was.
  virtual void ensure(NetworkRecord& record, const NetworkRecord* before) = 0;
  virtual void remove(const NetworkRecord& record) = 0;
  virtual bool is_up(const NetworkRecord& record) = 0;

  // DEVICE_NOT_ATTACHED [VIF] when the hypervisor has not made the device.
  virtual void activate(const PortRecord& port, const NetworkRecord& network) = 0;
  virtual void release(const PortRecord& port) = 0;

  // Brings the devices in line with the whole of `desired` and removes ours that are not in it,
  // unless somebody uses them. What could not be done is described in the answer.
  virtual std::vector<std::string> repair(DesiredState& desired) = 0;

  // From now on, until stop_watching, `changed` is called from another thread with each NIC that
  // changed, or with an empty name for "perhaps all".
  virtual void watch(std::function<void(const std::string& device)> changed) = 0;
  virtual void stop_watching() = 0;
};

// INTERNAL_ERROR when the process lacks the right to change devices (CAP_NET_ADMIN).
std::unique_ptr<Datapath> make_bridge_datapath(NicSources sources);
// INTERNAL_ERROR when Open vSwitch is not running, or that right is missing.
std::unique_ptr<Datapath> make_ovs_datapath(NicSources sources, const OvsSettings& settings);
std::unique_ptr<Datapath> make_user_datapath(NicSources sources);
// Keeps its NICs in `nics_file`, which is made with `nic_count` of them when it is absent.
std::unique_ptr<Datapath> make_sim_datapath(std::string nics_file, int nic_count);

}  // namespace xcp::network
