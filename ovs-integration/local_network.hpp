// SPDX-License-Identifier: GPL-2.0-or-later
// The network contract on this host: the desired state in its file, one backend for the devices.
// Devices are made first and written down then; what a kill leaves between the two is ours by its
// mark and unwanted by the file, and is removed at the next start.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/event_history.hpp"
#include "base/fd.hpp"
#include "ovs-integration/datapath.hpp"
#include "ovs-integration/desired_state.hpp"
#include "ovs-integration/host/nics.hpp"
#include "ovs-integration/network.hpp"

namespace xcp::network {

struct NetworkSettings {
  std::string state_dir;  // made when absent
  Backend backend = Backend::bridge;
  NicSources nic_sources;
  OvsSettings ovs;
  int sim_nics = 2;  // sim: how many NICs there are at the first start
};

class LocalNetwork : public Network {
 public:
  // Reads the desired state and applies it. INTERNAL_ERROR when the state cannot be read, the right
  // to change devices is missing, or Open vSwitch is to be used and not running.
  explicit LocalNetwork(const NetworkSettings& settings);
  ~LocalNetwork() override;

  // What could not be brought in line at the start, a sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Lets waiting calls of events() return; to be called before the object or its server ends.
  void close_events() { events_.close(); }

  Backend backend() override;
  std::vector<NicInfo> nics() override;
  std::vector<NicStats> nic_stats() override;
  std::vector<NetworkState> networks() override;
  NetworkState ensure_network(NetworkSpec spec) override;
  void remove_network(std::string uuid) override;
  PortBacking add_port(PortSpec port) override;
  void activate_port(std::string uuid) override;
  void remove_port(std::string uuid) override;
  std::vector<PortSpec> ports() override;
  EventBatch events(std::string epoch, std::uint64_t after,
                    std::chrono::milliseconds timeout) override;

 private:
  void on_nic_change(const std::string& device);
  void check_network_locked(NetworkSpec& spec);
  NetworkState state_of(const NetworkRecord& record, std::vector<std::string> port_uuids);
  std::vector<std::string> port_uuids_locked(const std::string& network) const;
  PortBacking backing_locked(const PortRecord& port) const;

  const UniqueFd lock_;  // of the state directory
  const std::unique_ptr<Datapath> datapath_;
  StateFile file_;
  EventHistory<EventBatch> events_;
  std::mutex networks_changing_;  // taken before mutex_: one network is changed at a time
  std::mutex mutex_;              // guards desired_
  DesiredState desired_;
  std::vector<std::string> warnings_;
};

}  // namespace xcp::network
