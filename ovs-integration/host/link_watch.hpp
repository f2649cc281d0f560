// SPDX-License-Identifier: GPL-2.0-or-later
// A thread that learns from the kernel when links, addresses or routes change, and says so: at most
// once in a few hundredths of a second, however much changes. It sees every change that comes after
// its construction.
#pragma once

#include <functional>
#include <thread>

#include "base/fd.hpp"
#include "ovs-integration/host/netlink.hpp"

namespace xcp::network {

class LinkWatch {
 public:
  // `changed(lost)`: something changed; `lost`: more than the kernel could remember.
  explicit LinkWatch(std::function<void(bool lost)> changed);
  ~LinkWatch();
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

 private:
  void run();

  const std::function<void(bool lost)> changed_;
  netlink::Socket socket_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace xcp::network
