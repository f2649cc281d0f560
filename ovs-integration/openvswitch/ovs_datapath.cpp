// SPDX-License-Identifier: GPL-2.0-or-later
// Networks as bridges of Open vSwitch. A bridge, its uplink's port or a guest's port is ours
// exactly when it bears our mark in its external_ids; a NIC is touched only while it is the uplink
// of one of our bridges. Each change is one transaction, and is done when ovs-vswitchd has carried
// it out.
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/failure.hpp"
#include "base/fault.hpp"
#include "ovs-integration/datapath.hpp"
#include "ovs-integration/host/link_watch.hpp"
#include "ovs-integration/host/nic_watch.hpp"
#include "ovs-integration/host/uplinks.hpp"
#include "ovs-integration/names.hpp"
#include "ovs-integration/openvswitch/planner.hpp"

namespace xcp::network {

namespace {

using ovsdb::BridgeRow;
using ovsdb::Held;
using ovsdb::InterfaceRow;
using ovsdb::PortRow;
using Plan = std::function<ovsdb::json::array(const Held& held)>;

// Whose port a device of the kernel's datapath is, as the kernel says it.
constexpr const char* kernel_datapath = "ovs-system";

class OvsDatapath : public Datapath {
 public:
  OvsDatapath(NicSources sources, OvsSettings settings)
      : settings_(std::move(settings)),
        scan_(links_, std::move(sources)),
        database_(settings_.socket, "Open_vSwitch", ovsdb::columns_looked_at, settings_.patience) {
    require_device_rights("openvswitch");
    held();
  }
  ~OvsDatapath() override { stop_watching(); }

  Backend backend() const override { return Backend::openvswitch; }
  std::vector<NicInfo> nics() override { return nics_with(held()); }
  std::vector<NicStats> nic_stats() override { return scan_.stats(); }
  std::set<std::string> taken_names() override;
  bool has_port_devices() const override { return true; }

  void ensure(NetworkRecord& record, const NetworkRecord* before) override;
  void remove(const NetworkRecord& record) override;
  bool is_up(const NetworkRecord& record) override { return is_up(record.spec, held()); }
  void activate(const PortRecord& port, const NetworkRecord& network) override;
  void release(const PortRecord& port) override;
  std::vector<std::string> repair(DesiredState& desired) override;
  void watch(std::function<void(const std::string& device)> changed) override;
  void stop_watching() override;

 private:
  Held held() { return ovsdb::held_in(*database_.tables()); }
  std::vector<NicInfo> nics_with(const Held& held);
  bool is_up(const NetworkSpec& spec, const Held& held);

  void commit(const Plan& plan);
  void wait_for_vswitchd(std::int64_t config);
  void check_carried_out(const std::string& device);
  ovsdb::WantedBridge wanted(const NetworkSpec& spec, const std::optional<Link>& uplink) const;
  std::optional<Link> checked_uplink(const NetworkSpec& spec, const Held& held);
  void bring_up(const NetworkSpec& spec, const std::optional<Link>& uplink);
  void restore_mtu(const NetworkRecord& before);
  void remove_unwanted(const DesiredState& desired, std::vector<std::string>& warnings);

  std::map<std::string, std::string> looked_at();
  void look_for_changes();
  void wake(bool lost);

  const OvsSettings settings_;
  HostLinks links_;
  NicScan scan_;
  ovsdb::Database database_;
  // Held while networks are changed, so that nobody is told of what is about to be taken back.
  std::mutex changing_;
  std::atomic<std::int64_t> silent_since_ = -1;  // what ovs-vswitchd had reached when it was silent

  std::function<void(const std::string& device)> tell_;
  std::map<std::string, std::string> known_;  // the watching thread's
  std::mutex waking_;                         // guards what follows
  std::condition_variable woken_;
  bool awake_ = false, lost_ = false, stopping_ = false;
  std::unique_ptr<LinkWatch> link_watch_;
  std::thread watching_;
};

// ---- what is there ------------------------------------------------------------------------------

std::set<std::string> OvsDatapath::taken_names() {
  std::set<std::string> names;
  for (const Link& link : links_.all()) names.insert(link.name);
  const Held now = held();
  for (const auto& [uuid, row] : now.bridge) names.insert(row.name);
  for (const auto& [uuid, row] : now.port) names.insert(row.name);
  for (const auto& [uuid, row] : now.interface) names.insert(row.name);
  return names;
}

std::vector<NicInfo> OvsDatapath::nics_with(const Held& held) {
  auto nics = scan_.nics();
  for (NicInfo& nic : nics) {
    if (const BridgeRow* bridge = held.bridge_of_device(nic.device))
      nic.bridge = bridge->name;
    else if (nic.bridge == kernel_datapath)
      nic.bridge.clear();
  }
  return nics;
}

// While the database is away, what it said last and what the kernel says now.
bool OvsDatapath::is_up(const NetworkSpec& spec, const Held& held) {
  const BridgeRow* bridge = held.bridge_named(spec.bridge);
  if (bridge == nullptr ||
      ovsdb::marked_with(bridge->external_ids, ovsdb::network_mark) != spec.uuid)
    return false;
  const auto link = links_.find(spec.bridge);
  if (!link || !link->up || link->mtu != spec.mtu) return false;
  if (spec.uplink.empty()) return true;
  const auto uplink = links_.find(spec.uplink);
  return uplink && uplink->up && held.bridge_of_device(spec.uplink) == bridge;
}

// ---- transactions -------------------------------------------------------------------------------

// Once it was waited for in vain it is given less time until it shows itself: many networks would
// add up to minutes.
void OvsDatapath::wait_for_vswitchd(std::int64_t config) {
  constexpr int share_of_the_silent = 5;
  const bool silent = held().reached_config == silent_since_;
  const bool reached = database_.wait_until(
      [&](const ovsdb::Tables& tables) { return ovsdb::held_in(tables).reached_config >= config; },
      silent ? settings_.patience / share_of_the_silent : settings_.patience);
  if (reached) return;
  silent_since_ = held().reached_config;
  throw internal_error(
      "ovs-vswitchd does not carry out what Open vSwitch's database says; is it running?");
}

// Plans, and plans anew when somebody else changed something in between.
void OvsDatapath::commit(const Plan& plan) {
  constexpr int attempts = 10;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto operations = plan(held());
    if (operations.empty()) return;
    const ovsdb::Answer answer = database_.transact(operations);
    if (answer.outcome != ovsdb::Outcome::done) continue;
    const auto& row = answer.results.at(operations.size() - 1).at("rows").at(0);
    wait_for_vswitchd(row.at("next_cfg").to_number<std::int64_t>());
    return;
  }
  throw internal_error("others keep changing Open vSwitch's database; the change was not made");
}

void OvsDatapath::check_carried_out(const std::string& device) {
  const auto refusal = [&]() -> std::optional<std::string> {
    const Held now = held();
    const InterfaceRow* interface = now.interface_named(device);
    if (interface == nullptr) return "it is gone";
    if (!interface->error.empty()) return interface->error;
    if (interface->ofport.value_or(-1) < 0) return "ovs-vswitchd's log says why";
    return std::nullopt;
  };
  // It may be an old refusal, of a device that is there by now.
  if (refusal()) commit([](const Held& now) { return plan_another_look(now); });
  if (const auto reason = refusal())
    throw internal_error("Open vSwitch cannot use " + device + ": " + *reason);
}

// ---- networks -----------------------------------------------------------------------------------

ovsdb::WantedBridge OvsDatapath::wanted(const NetworkSpec& spec,
                                        const std::optional<Link>& uplink) const {
  return {spec.uuid,
          spec.bridge,
          uplink ? uplink->mac : bridge_mac(spec.uuid),
          spec.mtu,
          settings_.datapath_type,
          spec.uplink};
}

std::optional<Link> OvsDatapath::checked_uplink(const NetworkSpec& spec, const Held& held) {
  if (spec.uplink.empty()) return std::nullopt;
  const Link uplink = uplink_of(links_, spec);
  if (uplink.master != 0)
    for (const Link& link : links_.all())
      if (link.index == uplink.master && link.name != kernel_datapath)
        throw uplink_refused(uplink.name, uplink.name + " is a port of " + link.name);
  // What is our port already has no address that could be lost; whose else it is the plan says.
  if (held.bridge_of_device(uplink.name) == nullptr)
    check_host_keeps_addresses(links_, spec, uplink);
  return uplink;
}

void OvsDatapath::bring_up(const NetworkSpec& spec, const std::optional<Link>& uplink) {
  check_carried_out(spec.bridge);
  if (uplink) check_carried_out(uplink->name);
  const auto bridge = links_.find(spec.bridge);
  if (!bridge) throw internal_error("Open vSwitch made no device " + spec.bridge);
  if (uplink && !uplink->up) links_.set_up(*uplink, true);
  links_.keep_quiet(*bridge);
  // ovs-vswitchd does it as well, but a NIC that had a smaller one until now may have stopped it.
  if (bridge->mtu != spec.mtu) links_.set_mtu(*bridge, spec.mtu);
  if (!bridge->up) links_.set_up(*bridge, true);
}

void OvsDatapath::restore_mtu(const NetworkRecord& before) {
  const auto uplink = links_.find(before.spec.uplink);
  if (uplink && before.uplink_mtu_before != 0 && uplink->mtu != before.uplink_mtu_before)
    links_.set_mtu(*uplink, before.uplink_mtu_before);
}

void OvsDatapath::ensure(NetworkRecord& record, const NetworkRecord* before) {
  std::lock_guard changing(changing_);
  const NetworkSpec& spec = record.spec;
  const Held held_before = held();
  const bool was_there = held_before.bridge_named(spec.bridge) != nullptr;
  if (!was_there && links_.find(spec.bridge)) throw Failure("BRIDGE_NAME_EXISTS", {spec.bridge});
  const auto uplink = checked_uplink(spec, held_before);
  const bool other_uplink = before != nullptr && before->spec.uplink != spec.uplink;
  if (other_uplink || spec.uplink.empty()) record.uplink_mtu_before = 0;

  Undo undo;
  if (uplink && uplink->mtu < spec.mtu) {
    links_.set_mtu(*uplink, spec.mtu);
    undo.add([this, uplink] { links_.set_mtu(*uplink, uplink->mtu); });
    if (record.uplink_mtu_before == 0) record.uplink_mtu_before = uplink->mtu;
  }
  const bool changed = before != nullptr && (before->spec.bridge != spec.bridge || other_uplink ||
                                             before->spec.mtu != spec.mtu);
  undo.add([this, &spec, before, changed, was_there] {
    if (changed)
      commit([&](const Held& now) {
        return plan_bridge(now, wanted(before->spec, links_.find(before->spec.uplink)));
      });
    else if (!was_there)
      commit(
          [&](const Held& now) { return plan_removal(now, spec.uuid, spec.bridge, spec.uplink); });
  });
  commit([&](const Held& now) { return plan_bridge(now, wanted(spec, uplink)); });
  fault_point("network.bridge.made");
  bring_up(spec, uplink);
  if (other_uplink) restore_mtu(*before);
  undo.keep_everything();
}

void OvsDatapath::remove(const NetworkRecord& record) {
  std::lock_guard changing(changing_);
  const NetworkSpec& spec = record.spec;
  const Held now = held();
  const BridgeRow* bridge = now.bridge_named(spec.bridge);
  const bool joined = bridge != nullptr && now.bridge_of_device(spec.uplink) == bridge;
  commit([&](const Held& current) {
    return plan_removal(current, spec.uuid, spec.bridge, spec.uplink);
  });
  if (joined) restore_mtu(record);
}

// ---- ports --------------------------------------------------------------------------------------

void OvsDatapath::activate(const PortRecord& port, const NetworkRecord& network) {
  const auto device = links_.find(port.host_device);
  if (!device) throw Failure("DEVICE_NOT_ATTACHED", {port.spec.uuid});
  // Packets of this datapath pass by the kernel's policer.
  if (port.spec.rate_kbytes_per_s > 0 && settings_.datapath_type == "netdev")
    throw Failure("NOT_IMPLEMENTED", {"a rate limit with Open vSwitch's datapath netdev"});
  if (device->master != 0)
    for (const Link& link : links_.all())
      if (link.index == device->master && link.name != kernel_datapath)
        throw internal_error(device->name + " is a port of " + link.name + ", not of " +
                             network.spec.bridge);

  ovsdb::WantedPort wanted{port.spec.uuid,
                           port.host_device,
                           network.spec.bridge,
                           network.spec.uuid,
                           std::nullopt,
                           port.spec.mtu != 0 ? port.spec.mtu : network.spec.mtu,
                           port.spec.rate_kbytes_per_s};
  if (port.spec.vlan != 0) wanted.tag = port.spec.vlan;
  const std::string mark = mark_of(port.spec.uuid);
  if (device->alias != mark) links_.set_alias(*device, mark);
  if (device->mtu != wanted.mtu) links_.set_mtu(*device, wanted.mtu);
  links_.keep_quiet(*device);
  commit([&](const Held& now) { return plan_port(now, wanted); });
  check_carried_out(port.host_device);
  if (!device->up) links_.set_up(*device, true);
}

void OvsDatapath::release(const PortRecord& port) {
  commit([&](const Held& now) { return plan_port_removal(now, port.spec.uuid, port.host_device); });
  // Usually the tap went with its guest. What is left over has a name only we give.
  const auto device = links_.find(port.host_device);
  if (device && (device->alias == mark_of(port.spec.uuid) || device->kind == "tun"))
    links_.remove(*device);
}

// ---- after a restart ----------------------------------------------------------------------------

void OvsDatapath::remove_unwanted(const DesiredState& desired, std::vector<std::string>& warnings) {
  const Held now = held();
  for (const auto& [uuid, row] : now.port) {
    const auto vif = ovsdb::marked_with(row.external_ids, ovsdb::vif_mark);
    if (vif && !desired.ports.contains(*vif) && !links_.find(row.name))
      commit(
          [&, name = row.name](const Held& held) { return plan_port_removal(held, *vif, name); });
  }
  for (const auto& [uuid, row] : now.bridge) {
    const auto network = ovsdb::marked_with(row.external_ids, ovsdb::network_mark);
    if (!network) continue;
    const auto wanted = desired.networks.find(*network);
    if (wanted != desired.networks.end() && wanted->second.spec.bridge == row.name) continue;
    try {
      commit([&, name = row.name](const Held& held) {
        return plan_removal(held, *network, name, {});
      });
    } catch (const Failure& failure) {
      warnings.push_back(fmt::format("the bridge {} is not wanted any more and stays: {}", row.name,
                                     failure.what()));
    }
  }
}

std::vector<std::string> OvsDatapath::repair(DesiredState& desired) {
  std::vector<std::string> warnings;
  remove_unwanted(desired, warnings);
  for (auto& [uuid, record] : desired.networks) {
    try {
      ensure(record, &record);
    } catch (const Failure& failure) {
      warnings.push_back(
          fmt::format("network {} ({}): {}", record.spec.name, uuid, failure.what()));
    }
  }
  for (const auto& [uuid, port] : desired.ports) {
    const auto network = desired.networks.find(port.spec.network);
    try {
      if (network != desired.networks.end() && links_.find(port.host_device))
        activate(port, network->second);
    } catch (const Failure& failure) {
      warnings.push_back(fmt::format("port {} of VM {}: {}", uuid, port.spec.vm, failure.what()));
    }
  }
  return warnings;
}

// ---- changes of others --------------------------------------------------------------------------

// NICs by their names, and under the empty name all that networks rest on besides.
std::map<std::string, std::string> OvsDatapath::looked_at() {
  std::lock_guard changing(changing_);
  const Held now = held();
  auto texts = nic_texts(nics_with(now));
  std::string& rest = texts[""];
  if (now.reached_config < now.wanted_config) rest += "behind;";
  for (const auto& [uuid, bridge] : now.bridge) {
    if (!ovsdb::marked_with(bridge.external_ids, ovsdb::network_mark)) continue;
    const auto link = links_.find(bridge.name);
    rest += fmt::format("{} {} {} {} {}:", uuid, bridge.name, link ? link->index : 0,
                        link && link->up, link ? link->mtu : 0);
    for (const std::string& port : bridge.ports) rest += port + ",";
  }
  return texts;
}

void OvsDatapath::wake(bool lost) {
  std::lock_guard lock(waking_);
  awake_ = true;
  lost_ = lost_ || lost;
  woken_.notify_all();
}

void OvsDatapath::look_for_changes() {
  std::unique_lock lock(waking_);
  for (;;) {
    woken_.wait(lock, [&] { return awake_ || stopping_; });
    // One change of Open vSwitch's makes several notifications.
    constexpr std::chrono::milliseconds gathering(30);
    if (woken_.wait_for(lock, gathering, [&] { return stopping_; })) return;
    awake_ = false;
    const bool lost = std::exchange(lost_, false);
    lock.unlock();
    try {
      auto now = looked_at();
      const auto changed = changed_keys(known_, now);
      known_ = std::move(now);
      if (lost) tell_("");
      for (const std::string& device : changed) tell_(device);
    } catch (const Failure&) {
      // Something went while it was looked at: that makes a notification of its own.
    }
    lock.lock();
  }
}

void OvsDatapath::watch(std::function<void(const std::string& device)> changed) {
  tell_ = std::move(changed);
  stopping_ = false;
  link_watch_ = std::make_unique<LinkWatch>([this](bool lost) { wake(lost); });
  database_.on_change([this] { wake(false); });
  known_ = looked_at();
  watching_ = std::thread([this] { look_for_changes(); });
}

void OvsDatapath::stop_watching() {
  if (!watching_.joinable()) return;
  link_watch_.reset();
  database_.on_change({});
  {
    std::lock_guard lock(waking_);
    stopping_ = true;
    woken_.notify_all();
  }
  watching_.join();
}

}  // namespace

std::unique_ptr<Datapath> make_ovs_datapath(NicSources sources, const OvsSettings& settings) {
  return std::make_unique<OvsDatapath>(std::move(sources), settings);
}

}  // namespace xcp::network
