// SPDX-License-Identifier: GPL-2.0-or-later
// The hypervisor contract over the daemon's socket. Same failures, same blocking calls; besides,
// any call throws INTERNAL_ERROR when the daemon is away for longer than the link's patience.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/rpc.hpp"
#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

std::unique_ptr<Hypervisor> make_client(const std::string& socket_path);

// Hypervisor::events alone, for a thread whose wait another one ends.
class EventClient {
 public:
  explicit EventClient(const std::string& socket_path) : link_(socket_path) {}
  EventBatch events(const std::string& epoch, std::uint64_t after,
                    std::chrono::milliseconds timeout);
  // A wait under way and all later ones throw at once.
  void stop() { link_.break_off(); }

 private:
  rpc::Link link_;
};

}  // namespace xcp::hypervisor
