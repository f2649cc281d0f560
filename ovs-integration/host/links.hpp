// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's network devices, addresses and default routes: looked at and changed through
// rtnetlink, in the network namespace of the process. Thread safe. Failures are INTERNAL_ERROR with
// the device's name and the kernel's reason.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ovs-integration/host/netlink.hpp"

namespace xcp::network {

struct Link {
  int index = 0;
  std::string name;
  std::string mac;
  std::string kind;  // "bridge", "veth", "tun", ...; empty for a NIC
  std::string alias;
  int mtu = 0;
  bool loopback = false;
  bool up = false;  // as configured
  bool carrier = false;
  int master = 0;  // index of the bridge it is a port of; 0: none
  std::int64_t rx_bytes = 0, tx_bytes = 0, rx_errors = 0, tx_errors = 0;
};

struct Address {
  int index = 0;  // of the link
  bool link_local = false;
  std::string text;  // "192.0.2.1/24"
};

struct DefaultRoute {
  int index = 0;
  bool ipv6 = false;
  std::string gateway;
  std::uint32_t metric = 0;
};

class HostLinks {
 public:
  std::vector<Link> all();
  std::optional<Link> find(const std::string& name);
  std::vector<Address> addresses();
  std::vector<DefaultRoute> default_routes();

  // A bridge without spanning tree and without addresses of the host, down. It gets its name only
  // when it bears its mark, so a kill leaves at worst one whose name starts with unfinished_prefix.
  // BRIDGE_NAME_EXISTS [name] when there is such a device.
  void make_bridge(const std::string& name, const std::string& alias, const std::string& mac,
                   int mtu);
  static constexpr const char* unfinished_prefix = "xcpnew";

  void set_up(const Link& link, bool up);
  void set_mtu(const Link& link, int mtu);
  void set_alias(const Link& link, const std::string& alias);
  void set_master(const Link& link, int master);  // 0: none
  void remove(const Link& link);                  // gone already: nothing happens

  // No IPv6 address of the host on this device, not even a link-local one.
  void keep_quiet(const Link& link);

  // Slows down what enters through `port` (what the guest behind it sends) by leading it through
  // the device `shaper`, which is made and marked with `alias`. Throws INTERNAL_ERROR saying what
  // the kernel lacks. The reverse: `remove` of the shaper and stop_shaping.
  void shape(const Link& port, const std::string& shaper, const std::string& alias,
             std::int64_t bytes_per_s);
  void stop_shaping(const Link& port);

 private:
  void keep_quiet_locked(const std::string& name);
  void make_shaper(const std::string& name, const std::string& alias);
  void set_rate(const Link& shaper, std::int64_t bytes_per_s);
  void redirect(const Link& port, const Link& shaper);

  std::mutex mutex_;
  netlink::Socket socket_;
};

}  // namespace xcp::network
