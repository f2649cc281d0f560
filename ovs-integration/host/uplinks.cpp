// SPDX-License-Identifier: GPL-2.0-or-later
// See uplinks.hpp.
#include "ovs-integration/host/uplinks.hpp"

#include <algorithm>
#include <charconv>

#include "base/fd.hpp"
#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

bool may_change_devices() {
  constexpr int cap_net_admin = 12;
  constexpr std::string_view key = "\nCapEff:\t";
  const std::string status = read_file("/proc/self/status").value_or("");
  const auto at = status.find(key);
  std::uint64_t effective = 0;
  if (at != std::string::npos)
    std::from_chars(status.data() + at + key.size(), status.data() + status.size(), effective, 16);
  return (effective >> cap_net_admin & 1) != 0;
}

}  // namespace

void require_device_rights(const std::string& backend) {
  if (!may_change_devices())
    throw internal_error("the " + backend +
                         " backend needs the capability CAP_NET_ADMIN (run as root, or give the "
                         "service AmbientCapabilities=CAP_NET_ADMIN)");
}

Failure uplink_refused(const std::string& uplink, const std::string& reason) {
  return Failure("PIF_CONFIGURATION_ERROR", {uplink, reason});
}

Link uplink_of(HostLinks& links, const NetworkSpec& spec) {
  const auto uplink = links.find(spec.uplink);
  if (!uplink) throw uplink_refused(spec.uplink, "there is no network device " + spec.uplink);
  if (uplink->loopback || marked_uuid(uplink->alias))
    throw uplink_refused(uplink->name, uplink->name + " cannot be the uplink of a network");
  return *uplink;
}

void check_host_keeps_addresses(HostLinks& links, const NetworkSpec& spec, const Link& uplink) {
  const std::string& name = uplink.name;
  const auto routes = links.default_routes();
  const bool management = std::any_of(routes.begin(), routes.end(), [&](const DefaultRoute& route) {
    return route.index == uplink.index;
  });
  if (management && spec.guarded_uplink)
    throw Failure("NOT_IMPLEMENTED",
                  {"bridging " + name + ", which carries the host's default route"});
  if (management) throw Failure("PIF_IS_MANAGEMENT_INTERFACE", {name});
  for (const Address& address : links.addresses())
    if (address.index == uplink.index && !address.link_local)
      throw uplink_refused(name, "the host would lose its address " + address.text + " on " + name);
}

Undo::~Undo() {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    try {
      (*step)();
    } catch (const Failure&) {
    }
  }
}

}  // namespace xcp::network
