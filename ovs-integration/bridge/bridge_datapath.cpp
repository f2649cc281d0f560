// SPDX-License-Identifier: GPL-2.0-or-later
// Networks as Linux bridges. A bridge, a shaper or an activated tap is ours exactly when it bears
// our mark in its alias; a NIC is touched only while it is the uplink of one of our bridges.
// Whatever else is on the host is looked at and left alone.
#include <fmt/format.h>

#include <algorithm>

#include "base/failure.hpp"
#include "base/fault.hpp"
#include "ovs-integration/datapath.hpp"
#include "ovs-integration/host/nic_watch.hpp"
#include "ovs-integration/host/uplinks.hpp"
#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

class BridgeDatapath : public Datapath {
 public:
  explicit BridgeDatapath(NicSources sources) : scan_(links_, std::move(sources)), watch_(scan_) {
    require_device_rights("bridge");
  }

  Backend backend() const override { return Backend::bridge; }
  std::vector<NicInfo> nics() override { return scan_.nics(); }
  std::vector<NicStats> nic_stats() override { return scan_.stats(); }
  std::set<std::string> taken_names() override;
  bool has_port_devices() const override { return true; }

  void ensure(NetworkRecord& record, const NetworkRecord* before) override;
  void remove(const NetworkRecord& record) override;
  bool is_up(const NetworkRecord& record) override;
  void activate(const PortRecord& port, const NetworkRecord& network) override;
  void release(const PortRecord& port) override;
  std::vector<std::string> repair(DesiredState& desired) override;
  void watch(std::function<void(const std::string& device)> changed) override {
    watch_.start(std::move(changed));
  }
  void stop_watching() override { watch_.stop(); }

 private:
  std::optional<Link> our_bridge(const NetworkSpec& spec);
  void check_uplink(const NetworkSpec& spec, const Link& uplink);
  void join_uplink(NetworkRecord& record, const Link& uplink, const Link& bridge, Undo& undo);
  void release_uplink(const std::string& name, int mtu_before, const Link& bridge);
  void remove_bridge(const NetworkRecord& record);
  void remove_unwanted(const DesiredState& desired, std::vector<std::string>& warnings);

  HostLinks links_;
  NicScan scan_;
  NicWatch watch_;
};

std::set<std::string> BridgeDatapath::taken_names() {
  std::set<std::string> names;
  for (const Link& link : links_.all()) names.insert(link.name);
  return names;
}

// Nullopt when there is none; BRIDGE_NAME_EXISTS when the name belongs to something else.
std::optional<Link> BridgeDatapath::our_bridge(const NetworkSpec& spec) {
  auto bridge = links_.find(spec.bridge);
  if (bridge && (bridge->kind != "bridge" || marked_uuid(bridge->alias) != spec.uuid))
    throw Failure("BRIDGE_NAME_EXISTS", {spec.bridge});
  return bridge;
}

bool BridgeDatapath::is_up(const NetworkRecord& record) {
  const auto bridge = links_.find(record.spec.bridge);
  if (!bridge || marked_uuid(bridge->alias) != record.spec.uuid || !bridge->up ||
      bridge->mtu != record.spec.mtu)
    return false;
  if (record.spec.uplink.empty()) return true;
  const auto uplink = links_.find(record.spec.uplink);
  return uplink && uplink->master == bridge->index && uplink->up;
}

// ---- networks -----------------------------------------------------------------------------------

// What a bridge must not take away from the host.
void BridgeDatapath::check_uplink(const NetworkSpec& spec, const Link& uplink) {
  const std::string& name = uplink.name;
  if (uplink.master != 0) {
    for (const Link& link : links_.all())
      if (link.index == uplink.master && marked_uuid(link.alias) != spec.uuid)
        throw uplink_refused(name, name + " is a port of " + link.name);
    return;
  }
  check_host_keeps_addresses(links_, spec, uplink);
}

void BridgeDatapath::join_uplink(NetworkRecord& record, const Link& uplink, const Link& bridge,
                                 Undo& undo) {
  if (uplink.mtu < record.spec.mtu) {
    links_.set_mtu(uplink, record.spec.mtu);
    undo.add([this, uplink] { links_.set_mtu(uplink, uplink.mtu); });
    if (record.uplink_mtu_before == 0) record.uplink_mtu_before = uplink.mtu;
  }
  if (uplink.master != bridge.index) {
    links_.set_master(uplink, bridge.index);
    undo.add([this, uplink] { links_.set_master(uplink, uplink.master); });
  }
  if (!uplink.up) links_.set_up(uplink, true);
}

void BridgeDatapath::release_uplink(const std::string& name, int mtu_before, const Link& bridge) {
  const auto uplink = links_.find(name);
  if (!uplink || uplink->master != bridge.index) return;
  links_.set_master(*uplink, 0);
  if (mtu_before != 0 && uplink->mtu != mtu_before) links_.set_mtu(*uplink, mtu_before);
}

void BridgeDatapath::ensure(NetworkRecord& record, const NetworkRecord* before) {
  const NetworkSpec& spec = record.spec;
  auto bridge = our_bridge(spec);
  std::optional<Link> uplink;
  if (!spec.uplink.empty()) {
    uplink = uplink_of(links_, spec);
    check_uplink(spec, *uplink);
  }
  const bool other_uplink = before != nullptr && before->spec.uplink != spec.uplink;
  if (other_uplink || spec.uplink.empty()) record.uplink_mtu_before = 0;

  Undo undo;
  if (!bridge) {
    links_.make_bridge(spec.bridge, mark_of(spec.uuid),
                       uplink ? uplink->mac : bridge_mac(spec.uuid), spec.mtu);
    bridge = our_bridge(spec);
    if (!bridge) throw internal_error(spec.bridge + " vanished while it was being made");
    undo.add([this, made = *bridge] { links_.remove(made); });
    fault_point("network.bridge.made");
  }
  if (uplink) join_uplink(record, *uplink, *bridge, undo);
  if (bridge->mtu != spec.mtu) {
    links_.set_mtu(*bridge, spec.mtu);
    undo.add([this, was = *bridge] { links_.set_mtu(was, was.mtu); });
  }
  if (!bridge->up) links_.set_up(*bridge, true);
  if (before != nullptr && before->spec.bridge != spec.bridge) {
    remove_bridge(*before);
  } else if (other_uplink && !before->spec.uplink.empty()) {
    release_uplink(before->spec.uplink, before->uplink_mtu_before, *bridge);
  }
  undo.keep_everything();
}

void BridgeDatapath::remove_bridge(const NetworkRecord& record) {
  const auto bridge = links_.find(record.spec.bridge);
  if (!bridge || marked_uuid(bridge->alias) != record.spec.uuid) return;
  for (const Link& link : links_.all())
    if (link.master == bridge->index && link.name != record.spec.uplink)
      throw internal_error(
          fmt::format("{} is still a port of the bridge {}", link.name, record.spec.bridge));
  if (!record.spec.uplink.empty())
    release_uplink(record.spec.uplink, record.uplink_mtu_before, *bridge);
  links_.remove(*bridge);
}

void BridgeDatapath::remove(const NetworkRecord& record) {
  remove_bridge(record);
}

// ---- ports --------------------------------------------------------------------------------------

void BridgeDatapath::activate(const PortRecord& port, const NetworkRecord& network) {
  auto device = links_.find(port.host_device);
  if (!device) throw Failure("DEVICE_NOT_ATTACHED", {port.spec.uuid});
  const auto bridge = our_bridge(network.spec);
  if (!bridge) throw internal_error("the bridge " + network.spec.bridge + " is not there");
  if (device->master != 0 && device->master != bridge->index)
    throw internal_error(device->name + " is a port of another bridge than " + bridge->name);

  const int mtu = port.spec.mtu != 0 ? port.spec.mtu : network.spec.mtu;
  const std::string mark = mark_of(port.spec.uuid);
  if (device->alias != mark) links_.set_alias(*device, mark);
  if (device->mtu != mtu) links_.set_mtu(*device, mtu);
  device->mtu = mtu;
  links_.keep_quiet(*device);
  if (device->master == 0) links_.set_master(*device, bridge->index);
  if (!device->up) links_.set_up(*device, true);

  const std::string shaper = shaper_device_name(port.host_device);
  if (port.spec.rate_kbytes_per_s > 0) {
    links_.shape(*device, shaper, mark, port.spec.rate_kbytes_per_s * 1024);
  } else if (const auto present = links_.find(shaper); present && present->alias == mark) {
    links_.stop_shaping(*device);
    links_.remove(*present);
  }
}

void BridgeDatapath::release(const PortRecord& port) {
  const std::string mark = mark_of(port.spec.uuid);
  const auto shaper = links_.find(shaper_device_name(port.host_device));
  if (shaper && shaper->alias == mark) links_.remove(*shaper);
  // Usually the tap went with its guest. What is left over has a name only we give.
  const auto device = links_.find(port.host_device);
  if (device && (device->alias == mark || device->kind == "tun")) links_.remove(*device);
}

// ---- after a restart ----------------------------------------------------------------------------

void BridgeDatapath::remove_unwanted(const DesiredState& desired,
                                     std::vector<std::string>& warnings) {
  const auto links = links_.all();
  for (const Link& link : links) {
    if (link.kind == "bridge" && link.name.starts_with(HostLinks::unfinished_prefix)) {
      links_.remove(link);
      continue;
    }
    const auto uuid = marked_uuid(link.alias);
    if (!uuid) continue;
    if (link.kind == "ifb") {
      const auto port = desired.ports.find(*uuid);
      if (port == desired.ports.end() || port->second.spec.rate_kbytes_per_s == 0)
        links_.remove(link);
    }
    if (link.kind != "bridge") continue;
    const auto network = desired.networks.find(*uuid);
    if (network != desired.networks.end() && network->second.spec.bridge == link.name) continue;
    const auto guest = std::find_if(links.begin(), links.end(), [&](const Link& port) {
      return port.master == link.index && port.kind == "tun";
    });
    if (guest == links.end())
      links_.remove(link);
    else
      warnings.push_back(fmt::format("the bridge {} is not wanted any more but {} is in it",
                                     link.name, guest->name));
  }
}

std::vector<std::string> BridgeDatapath::repair(DesiredState& desired) {
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

}  // namespace

std::unique_ptr<Datapath> make_bridge_datapath(NicSources sources) {
  return std::make_unique<BridgeDatapath>(std::move(sources));
}

}  // namespace xcp::network
