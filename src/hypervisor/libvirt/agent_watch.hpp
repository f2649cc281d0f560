// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the agents of all guests for their facts: soon after a guest's agent turned up and every few
// seconds until it has told an address, then rarely. One thread; a guest that hangs its agent costs
// the others at most its own time limit, and is asked less often.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::libvirt {

class AgentWatch {
 public:
  struct Pace {
    std::chrono::milliseconds eager{2000};
    std::chrono::milliseconds calm{30000};
  };
  // `ask` gets a guest's facts or throws; `changed` is told when they differ from the last ones.
  // Both run on the watch's thread.
  AgentWatch(std::function<GuestFacts(const std::string& uuid)> ask,
             std::function<void(const std::string& uuid)> changed, Pace pace);
  ~AgentWatch();
  AgentWatch(const AgentWatch&) = delete;
  AgentWatch& operator=(const AgentWatch&) = delete;

  // Ends the asking; called before what `ask` uses goes away.
  void stop();

  void connected(const std::string& uuid);
  void disconnected(const std::string& uuid);
  void forget(const std::string& uuid);

  GuestFacts facts(const std::string& uuid) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Guest {
    GuestFacts facts;
    bool connected = false;
    int tries = 0;  // since the agent turned up
    Clock::time_point next;
  };

  void run();
  void ask_one(std::unique_lock<std::mutex>& lock, const std::string& uuid);

  const std::function<GuestFacts(const std::string&)> ask_;
  const std::function<void(const std::string&)> changed_;
  const Pace pace_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Guest> guests_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::libvirt
