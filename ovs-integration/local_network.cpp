// SPDX-License-Identifier: GPL-2.0-or-later
// See local_network.hpp.
#include "ovs-integration/local_network.hpp"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <tuple>

#include "base/failure.hpp"
#include "base/fault.hpp"
#include "base/ref.hpp"
#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

// What the kernel takes for a bridge and a guest's NIC can have.
constexpr int smallest_mtu = 68;
constexpr int largest_mtu = 65521;
constexpr int largest_vlan = 4094;

Failure invalid(const std::string& field, const std::string& value) {
  return Failure("INVALID_VALUE", {field, value});
}

auto tied(const NetworkSpec& s) {
  return std::tie(s.uuid, s.name, s.bridge, s.mtu, s.uplink, s.guarded_uplink);
}
auto tied(const PortSpec& s) {
  return std::tie(s.uuid, s.network, s.vm, s.device, s.mac, s.mtu, s.rate_kbytes_per_s, s.vlan);
}

std::unique_ptr<Datapath> make_datapath(const NetworkSettings& settings) {
  switch (settings.backend) {
    case Backend::bridge:
      return make_bridge_datapath(settings.nic_sources);
    case Backend::user:
      return make_user_datapath(settings.nic_sources);
    case Backend::sim:
      return make_sim_datapath(settings.state_dir + "/sim-nics.json", settings.sim_nics);
    case Backend::openvswitch:
      return make_ovs_datapath(settings.nic_sources, settings.ovs);
  }
  throw internal_error("there is no such network backend");
}

UniqueFd lock_directory(const std::string& directory) {
  std::filesystem::create_directories(directory);
  const std::string path = directory + "/lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw system_failure("open " + path, errno);
  if (!lock_file(fd.get()))
    throw internal_error("the state in " + directory + " is in use by another process");
  return fd;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

LocalNetwork::LocalNetwork(const NetworkSettings& settings)
    : lock_(lock_directory(settings.state_dir)),
      datapath_(make_datapath(settings)),
      file_(settings.state_dir + "/networks.json"),
      events_(Event{}),
      desired_(file_.load()) {
  warnings_ = datapath_->repair(desired_);
  datapath_->watch([this](const std::string& device) { on_nic_change(device); });
}

LocalNetwork::~LocalNetwork() {
  events_.close();
  datapath_->stop_watching();
}

Backend LocalNetwork::backend() {
  return datapath_->backend();
}
std::vector<NicInfo> LocalNetwork::nics() {
  return datapath_->nics();
}
std::vector<NicStats> LocalNetwork::nic_stats() {
  return datapath_->nic_stats();
}

EventBatch LocalNetwork::events(std::string epoch, std::uint64_t after,
                                std::chrono::milliseconds timeout) {
  return events_.read(epoch, after, timeout);
}

// A NIC that came back (a driver was loaded again, a cable adapter plugged in) is joined again to
// the network it belongs to; when it cannot be told what changed, every network is looked after.
void LocalNetwork::on_nic_change(const std::string& device) {
  {
    std::lock_guard changing(networks_changing_);
    std::unique_lock lock(mutex_);
    auto networks = desired_.networks;
    lock.unlock();
    for (auto& [uuid, record] : networks) {
      const std::string& uplink = record.spec.uplink;
      if (!device.empty() && uplink != device) continue;
      try {
        if (!datapath_->is_up(record)) datapath_->ensure(record, &record);
      } catch (const Failure&) {
        // Not there, or taken by somebody else: networks() shows that it is not up.
      }
    }
  }
  events_.publish({0, device});
}

// ---- networks -----------------------------------------------------------------------------------

std::vector<std::string> LocalNetwork::port_uuids_locked(const std::string& network) const {
  std::vector<std::string> uuids;
  for (const auto& [uuid, port] : desired_.ports)
    if (port.spec.network == network) uuids.push_back(uuid);
  return uuids;
}

NetworkState LocalNetwork::state_of(const NetworkRecord& record,
                                    std::vector<std::string> port_uuids) {
  return {record.spec, datapath_->backend(), datapath_->is_up(record), std::move(port_uuids)};
}

std::vector<NetworkState> LocalNetwork::networks() {
  std::map<std::string, NetworkRecord> records;
  std::map<std::string, std::vector<std::string>> ports;
  {
    std::lock_guard lock(mutex_);
    records = desired_.networks;
    for (const auto& [uuid, port] : desired_.ports) ports[port.spec.network].push_back(uuid);
  }
  std::vector<NetworkState> states;
  for (const auto& [uuid, record] : records)
    states.push_back(state_of(record, std::move(ports[uuid])));
  return states;
}

// Refuses what is wrong whatever the devices are like, and gives the bridge its name.
void LocalNetwork::check_network_locked(NetworkSpec& spec) {
  if (!is_uuid(spec.uuid)) throw invalid("uuid", spec.uuid);
  if (spec.mtu < smallest_mtu || spec.mtu > largest_mtu)
    throw invalid("mtu", std::to_string(spec.mtu));
  if (!spec.uplink.empty() && !is_device_name(spec.uplink)) throw invalid("uplink", spec.uplink);
  if (!spec.bridge.empty() && !is_device_name(spec.bridge)) throw invalid("bridge", spec.bridge);

  const auto present = desired_.networks.find(spec.uuid);
  if (spec.bridge.empty() && present != desired_.networks.end())
    spec.bridge = present->second.spec.bridge;
  std::set<std::string> taken;
  for (const auto& [uuid, record] : desired_.networks) {
    if (uuid == spec.uuid) continue;
    taken.insert(record.spec.bridge);
    if (!spec.uplink.empty() && record.spec.uplink == spec.uplink)
      throw Failure("PIF_CONFIGURATION_ERROR",
                    {spec.uplink, "it is the uplink of network " + record.spec.name + " (" + uuid +
                                      ") already"});
  }
  if (taken.contains(spec.bridge)) throw Failure("BRIDGE_NAME_EXISTS", {spec.bridge});
  if (spec.bridge.empty()) {
    taken.merge(datapath_->taken_names());
    spec.bridge = free_bridge_name(taken);
  }
  if (present != desired_.networks.end() && present->second.spec.bridge != spec.bridge)
    if (const auto ports = port_uuids_locked(spec.uuid); !ports.empty())
      throw Failure("NETWORK_CONTAINS_VIF", {joined(ports)});
}

NetworkState LocalNetwork::ensure_network(NetworkSpec spec) {
  std::lock_guard changing(networks_changing_);
  std::unique_lock lock(mutex_);
  check_network_locked(spec);
  std::optional<NetworkRecord> before;
  if (const auto present = desired_.networks.find(spec.uuid); present != desired_.networks.end())
    before = present->second;
  NetworkRecord record{spec, before ? before->uplink_mtu_before : 0};
  auto port_uuids = port_uuids_locked(spec.uuid);
  lock.unlock();

  const bool same = before && tied(before->spec) == tied(spec);
  if (same && datapath_->is_up(record)) return state_of(record, std::move(port_uuids));
  datapath_->ensure(record, before ? &*before : nullptr);
  fault_point("network.ensure.made");
  if (!same) {
    lock.lock();
    desired_.networks[spec.uuid] = record;
    try {
      file_.save(lock, desired_);
    } catch (...) {
      if (before)
        desired_.networks[spec.uuid] = *before;
      else
        desired_.networks.erase(spec.uuid);
      lock.unlock();
      if (before)
        datapath_->ensure(*before, &record);
      else
        datapath_->remove(record);
      throw;
    }
    lock.unlock();
  }
  return state_of(record, std::move(port_uuids));
}

void LocalNetwork::remove_network(std::string uuid) {
  std::lock_guard changing(networks_changing_);
  std::unique_lock lock(mutex_);
  const auto present = desired_.networks.find(uuid);
  if (present == desired_.networks.end()) return;
  if (const auto ports = port_uuids_locked(uuid); !ports.empty())
    throw Failure("NETWORK_CONTAINS_VIF", {joined(ports)});
  const NetworkRecord record = present->second;
  // Out of sight first, so that no port is added to it meanwhile.
  desired_.networks.erase(present);
  try {
    lock.unlock();
    datapath_->remove(record);
    fault_point("network.remove.removed");
    lock.lock();
    file_.save(lock, desired_);
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    desired_.networks[uuid] = record;
    lock.unlock();
    NetworkRecord again = record;
    datapath_->ensure(again, &record);
    throw;
  }
}

// ---- ports --------------------------------------------------------------------------------------

PortBacking LocalNetwork::backing_locked(const PortRecord& port) const {
  const NetworkSpec& network = desired_.networks.at(port.spec.network).spec;
  return {datapath_->backend(), network.bridge, port.host_device,
          port.spec.mtu != 0 ? port.spec.mtu : network.mtu};
}

PortBacking LocalNetwork::add_port(PortSpec port) {
  if (!is_uuid(port.uuid)) throw invalid("uuid", port.uuid);
  const auto mac = normal_mac(port.mac);
  if (!mac) throw Failure("MAC_INVALID", {port.mac});
  port.mac = *mac;
  if (port.mtu != 0 && (port.mtu < smallest_mtu || port.mtu > largest_mtu))
    throw invalid("mtu", std::to_string(port.mtu));
  if (port.rate_kbytes_per_s < 0) throw invalid("rate", std::to_string(port.rate_kbytes_per_s));
  if (port.vlan < 0 || port.vlan > largest_vlan) throw invalid("vlan", std::to_string(port.vlan));
  if (port.vlan != 0 && datapath_->backend() != Backend::openvswitch)
    throw Failure("NOT_IMPLEMENTED", {"a VLAN of a port without Open vSwitch"});

  std::unique_lock lock(mutex_);
  if (!desired_.networks.contains(port.network))
    throw Failure("HANDLE_INVALID", {"network", port.network});
  std::optional<PortRecord> before;
  if (const auto present = desired_.ports.find(port.uuid); present != desired_.ports.end())
    before = present->second;
  if (before && tied(before->spec) == tied(port)) return backing_locked(*before);

  PortRecord record{port, before ? before->host_device : std::string()};
  if (!before && datapath_->has_port_devices()) {
    std::set<std::string> taken;
    for (const auto& [uuid, other] : desired_.ports) taken.insert(other.host_device);
    record.host_device = port_device_name(port.uuid, taken);
  }
  desired_.ports[port.uuid] = record;
  const PortBacking backing = backing_locked(record);
  try {
    file_.save(lock, desired_);
  } catch (...) {
    if (before)
      desired_.ports[port.uuid] = *before;
    else
      desired_.ports.erase(port.uuid);
    throw;
  }
  return backing;
}

void LocalNetwork::activate_port(std::string uuid) {
  PortRecord port;
  NetworkRecord network;
  {
    std::lock_guard lock(mutex_);
    const auto found = desired_.ports.find(uuid);
    if (found == desired_.ports.end()) throw Failure("HANDLE_INVALID", {"VIF", uuid});
    port = found->second;
    network = desired_.networks.at(port.spec.network);
  }
  datapath_->activate(port, network);
}

void LocalNetwork::remove_port(std::string uuid) {
  std::unique_lock lock(mutex_);
  const auto found = desired_.ports.find(uuid);
  if (found == desired_.ports.end()) return;
  const PortRecord record = found->second;
  lock.unlock();
  datapath_->release(record);
  fault_point("network.remove_port.released");
  lock.lock();
  desired_.ports.erase(uuid);
  try {
    file_.save(lock, desired_);
  } catch (...) {
    desired_.ports.try_emplace(uuid, record);
    throw;
  }
}

std::vector<PortSpec> LocalNetwork::ports() {
  std::lock_guard lock(mutex_);
  std::vector<PortSpec> specs;
  for (const auto& [uuid, port] : desired_.ports) specs.push_back(port.spec);
  return specs;
}

}  // namespace xcp::network
