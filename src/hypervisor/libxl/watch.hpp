// SPDX-License-Identifier: GPL-2.0-or-later
// Follows running domains on a thread of its own: libxl's events of their ends, xenstore's of what
// guests tell about themselves, and, since nobody tells of it, their memory once a second. What it
// tells is called on that thread and must be short. A guest that writes without end is told of at
// most once a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "hypervisor/libxl/context.hpp"
#include "hypervisor/libxl/xenstore.hpp"

namespace xcp::hypervisor::libxl {

class DomainWatch {
 public:
  struct Listener {
    // The domain has stopped and is there still; the reason is one of libxl's.
    std::function<void(std::uint32_t, const std::string&, int)> stopped;
    // It is not there any more.
    std::function<void(std::uint32_t, const std::string&)> gone;
    std::function<void(const std::string&)> facts;
    std::function<void(const std::string&)> resized;
  };

  explicit DomainWatch(Listener listener);
  ~DomainWatch();
  DomainWatch(const DomainWatch&) = delete;
  DomainWatch& operator=(const DomainWatch&) = delete;

  // A domain that stopped before is told of as well. Both return at once; in order.
  void track(std::uint32_t domid, const std::string& uuid);
  void untrack(std::uint32_t domid);

 private:
  using Clock = std::chrono::steady_clock;
  struct Tracked {
    std::string uuid;
    libxl_evgen_domain_death* death = nullptr;
    bool stop_told = false;
    std::optional<Clock::time_point> facts_due;
    Clock::time_point facts_told{};
    std::uint64_t memory_kib = 0;
  };
  struct Request {
    std::uint32_t domid;
    std::optional<std::string> uuid;  // nullopt: untrack
  };

  void post(Request request);
  void run();
  void carry_out(const Request& request);
  void begin(std::uint32_t domid, const std::string& uuid);
  void end(std::uint32_t domid);
  void wait();
  void take_events();
  void take_watches();
  void tell_facts();
  void look_at_memory();

  const Listener listener_;
  Context context_;
  Xenstore xenstore_;
  UniqueFd wake_;  // eventfd
  std::map<std::uint32_t, Tracked> tracked_;
  Clock::time_point memory_due_{};

  std::mutex mutex_;
  std::deque<Request> requests_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::libxl
