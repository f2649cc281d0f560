// SPDX-License-Identifier: GPL-2.0-or-later
// See links.hpp.
#include "ovs-integration/host/links.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cerrno>
#include <random>

#include "base/failure.hpp"

namespace xcp::network {

namespace {

using netlink::Attributes;
using netlink::header_of;
using netlink::Request;

constexpr int tries_for_a_consistent_dump = 10;

std::string address_text(int family, std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const std::size_t expected = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  if (bytes.size() != expected || inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr)
    return {};
  return text;
}

std::string mac_text(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned char>(c));
  return text;
}

std::string mac_bytes(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 3)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

std::optional<Link> parse_link(const nlmsghdr& message) {
  const auto* header = header_of<ifinfomsg>(message);
  if (message.nlmsg_type != RTM_NEWLINK || header == nullptr) return std::nullopt;
  const Attributes attributes = Attributes::of(message, *header);
  Link link;
  link.index = header->ifi_index;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.name = attributes.text(IFLA_IFNAME);
  link.mac = mac_text(attributes.find(IFLA_ADDRESS).value_or(""));
  link.kind = attributes.nested(IFLA_LINKINFO).text(IFLA_INFO_KIND);
  link.alias = attributes.text(IFLA_IFALIAS);
  link.mtu = static_cast<int>(attributes.value<std::uint32_t>(IFLA_MTU).value_or(0));
  link.carrier = attributes.value<std::uint8_t>(IFLA_CARRIER).value_or(0) != 0;
  link.master = static_cast<int>(attributes.value<std::uint32_t>(IFLA_MASTER).value_or(0));
  if (const auto stats = attributes.value<rtnl_link_stats64>(IFLA_STATS64)) {
    link.rx_bytes = static_cast<std::int64_t>(stats->rx_bytes);
    link.tx_bytes = static_cast<std::int64_t>(stats->tx_bytes);
    link.rx_errors = static_cast<std::int64_t>(stats->rx_errors);
    link.tx_errors = static_cast<std::int64_t>(stats->tx_errors);
  }
  return link;
}

ifinfomsg link_header(int index = 0) {
  ifinfomsg header{};
  header.ifi_index = index;
  return header;
}

std::string unfinished_name() {
  std::random_device random;
  return fmt::format("{}{:08x}", HostLinks::unfinished_prefix, random());
}

}  // namespace

// ---- looking ------------------------------------------------------------------------------------

std::vector<Link> HostLinks::all() {
  std::lock_guard lock(mutex_);
  std::vector<Link> links;
  for (int i = 0; i < tries_for_a_consistent_dump; ++i) {
    links.clear();
    const bool consistent = socket_.dump(Request(RTM_GETLINK, 0, link_header()),
                                         "list network devices", [&](const nlmsghdr& message) {
                                           if (auto link = parse_link(message))
                                             links.push_back(std::move(*link));
                                         });
    if (consistent) break;
  }
  return links;
}

std::optional<Link> HostLinks::find(const std::string& name) {
  std::lock_guard lock(mutex_);
  Request request(RTM_GETLINK, 0, link_header());
  request.put_text(IFLA_IFNAME, name);
  std::optional<Link> link;
  socket_.get(std::move(request), "look at " + name,
              [&](const nlmsghdr& message) { link = parse_link(message); });
  return link;
}

std::vector<Address> HostLinks::addresses() {
  std::lock_guard lock(mutex_);
  std::vector<Address> addresses;
  for (int i = 0; i < tries_for_a_consistent_dump; ++i) {
    addresses.clear();
    const bool consistent = socket_.dump(
        Request(RTM_GETADDR, 0, ifaddrmsg{}), "list addresses", [&](const nlmsghdr& message) {
          const auto* header = header_of<ifaddrmsg>(message);
          if (message.nlmsg_type != RTM_NEWADDR || header == nullptr) return;
          if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6) return;
          const Attributes attributes = Attributes::of(message, *header);
          // On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL exists for IPv4 alone.
          auto bytes = attributes.find(IFA_LOCAL);
          if (!bytes) bytes = attributes.find(IFA_ADDRESS);
          const std::string text = bytes ? address_text(header->ifa_family, *bytes) : std::string();
          if (text.empty()) return;
          addresses.push_back({static_cast<int>(header->ifa_index),
                               header->ifa_scope == RT_SCOPE_LINK,
                               fmt::format("{}/{}", text, header->ifa_prefixlen)});
        });
    if (consistent) break;
  }
  return addresses;
}

std::vector<DefaultRoute> HostLinks::default_routes() {
  std::lock_guard lock(mutex_);
  std::vector<DefaultRoute> routes;
  for (int i = 0; i < tries_for_a_consistent_dump; ++i) {
    routes.clear();
    const bool consistent = socket_.dump(
        Request(RTM_GETROUTE, 0, rtmsg{}), "list routes", [&](const nlmsghdr& message) {
          const auto* header = header_of<rtmsg>(message);
          if (message.nlmsg_type != RTM_NEWROUTE || header == nullptr) return;
          if (header->rtm_dst_len != 0 || header->rtm_type != RTN_UNICAST ||
              (header->rtm_flags & RTM_F_CLONED) != 0)
            return;
          if (header->rtm_family != AF_INET && header->rtm_family != AF_INET6) return;
          const Attributes attributes = Attributes::of(message, *header);
          if (attributes.value<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table) !=
              RT_TABLE_MAIN)
            return;
          DefaultRoute route;
          route.index = static_cast<int>(attributes.value<std::uint32_t>(RTA_OIF).value_or(0));
          route.ipv6 = header->rtm_family == AF_INET6;
          route.metric = attributes.value<std::uint32_t>(RTA_PRIORITY).value_or(0);
          if (const auto gateway = attributes.find(RTA_GATEWAY))
            route.gateway = address_text(header->rtm_family, *gateway);
          if (const auto hops = attributes.find(RTA_MULTIPATH);
              hops && hops->size() >= sizeof(rtnexthop)) {
            rtnexthop first;
            hops->copy(reinterpret_cast<char*>(&first), sizeof(first));
            route.index = first.rtnh_ifindex;
          }
          if (route.index != 0) routes.push_back(std::move(route));
        });
    if (consistent) break;
  }
  return routes;
}

// ---- changing -----------------------------------------------------------------------------------

void HostLinks::make_bridge(const std::string& name, const std::string& alias,
                            const std::string& mac, int mtu) {
  std::lock_guard lock(mutex_);
  const std::string unfinished = unfinished_name();
  // A bridge takes the smallest MTU of its ports until it is given one that differs from what it
  // has.
  const auto wanted_mtu = static_cast<std::uint32_t>(mtu);
  Request make(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, link_header());
  make.put_text(IFLA_IFNAME, unfinished)
      .put(IFLA_ADDRESS, mac_bytes(mac))
      .put_value(IFLA_MTU, wanted_mtu + 1);
  const std::size_t info = make.begin(IFLA_LINKINFO);
  make.put_text(IFLA_INFO_KIND, "bridge");
  const std::size_t data = make.begin(IFLA_INFO_DATA);
  // Without the delay a guest's port forwards from its first packet on; without snooping multicast
  // works where no router asks who wants it.
  make.put_value(IFLA_BR_STP_STATE, std::uint32_t{0})
      .put_value(IFLA_BR_FORWARD_DELAY, std::uint32_t{0})
      .put_value(IFLA_BR_MCAST_SNOOPING, std::uint8_t{0});
  make.end(data);
  make.end(info);
  if (const int error = socket_.try_request(std::move(make))) {
    if (error == EOPNOTSUPP)
      throw internal_error("cannot make the bridge " + name +
                           ": this kernel has no Linux bridges (module bridge)");
    throw system_failure("cannot make the bridge " + name, error);
  }
  Request mark(RTM_SETLINK, 0, link_header());
  mark.put_text(IFLA_IFNAME, unfinished)
      .put_text(IFLA_IFALIAS, alias)
      .put_value(IFLA_MTU, wanted_mtu);
  int error = socket_.try_request(std::move(mark));
  if (error == 0) {
    keep_quiet_locked(unfinished);
    const unsigned index = if_nametoindex(unfinished.c_str());
    Request rename(RTM_NEWLINK, 0, link_header(static_cast<int>(index)));
    rename.put_text(IFLA_IFNAME, name);
    error = index == 0 ? ENODEV : socket_.try_request(std::move(rename));
  }
  if (error == 0) return;
  Request undo(RTM_DELLINK, 0, link_header());
  undo.put_text(IFLA_IFNAME, unfinished);
  socket_.try_request(std::move(undo));
  if (error == EEXIST) throw Failure("BRIDGE_NAME_EXISTS", {name});
  throw system_failure("cannot name the bridge " + name, error);
}

// A kernel without IPv6 has nothing to switch off.
void HostLinks::keep_quiet_locked(const std::string& name) {
  Request request(RTM_SETLINK, 0, link_header());
  request.put_text(IFLA_IFNAME, name);
  const std::size_t families = request.begin(IFLA_AF_SPEC);
  const std::size_t inet6 = request.begin(AF_INET6);
  request.put_value(IFLA_INET6_ADDR_GEN_MODE, std::uint8_t{IN6_ADDR_GEN_MODE_NONE});
  request.end(inet6);
  request.end(families);
  socket_.try_request(std::move(request));
}

void HostLinks::keep_quiet(const Link& link) {
  std::lock_guard lock(mutex_);
  keep_quiet_locked(link.name);
}

void HostLinks::set_up(const Link& link, bool up) {
  std::lock_guard lock(mutex_);
  ifinfomsg header = link_header(link.index);
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? unsigned{IFF_UP} : 0u;
  socket_.request(Request(RTM_NEWLINK, 0, header),
                  (up ? "cannot bring up " : "cannot bring down ") + link.name);
}

void HostLinks::set_mtu(const Link& link, int mtu) {
  std::lock_guard lock(mutex_);
  Request request(RTM_NEWLINK, 0, link_header(link.index));
  request.put_value(IFLA_MTU, static_cast<std::uint32_t>(mtu));
  socket_.request(std::move(request),
                  fmt::format("cannot set the MTU of {} to {}", link.name, mtu));
}

void HostLinks::set_alias(const Link& link, const std::string& alias) {
  std::lock_guard lock(mutex_);
  Request request(RTM_NEWLINK, 0, link_header(link.index));
  request.put_text(IFLA_IFALIAS, alias);
  socket_.request(std::move(request), "cannot mark " + link.name);
}

void HostLinks::set_master(const Link& link, int master) {
  std::lock_guard lock(mutex_);
  Request request(RTM_NEWLINK, 0, link_header(link.index));
  request.put_value(IFLA_MASTER, static_cast<std::uint32_t>(master));
  socket_.request(std::move(request), (master != 0 ? "cannot put a port into its bridge: "
                                                   : "cannot take a port out of its bridge: ") +
                                          link.name);
}

void HostLinks::remove(const Link& link) {
  std::lock_guard lock(mutex_);
  const int error = socket_.try_request(Request(RTM_DELLINK, 0, link_header(link.index)));
  if (error != 0 && error != ENODEV) throw system_failure("cannot remove " + link.name, error);
}

}  // namespace xcp::network
