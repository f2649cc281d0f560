// SPDX-License-Identifier: GPL-2.0-or-later
// The records follow what is really there. A watcher reads the hypervisor daemon's events and,
// after a start, a reconnect or lost events, everything: guests that ended are recorded as halted
// (or started again, as their actions_after_... say), running ones with their devices; data paths
// and ports that no running guest uses are released; a guest that still writes to an image from
// before a snapshot is switched to the new one. A VM with a running operation is left to it and
// looked at afterwards. Guests are never touched otherwise.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace xcp::xapi {

struct Services;

class Reconciler {
 public:
  // `start`: runs a function on a thread for long operations.
  explicit Reconciler(std::function<void(std::function<void()>)> start);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // `read` as Hypervisor::events; once `end` was called it throws, also out of a wait.
  using ReadEvents = std::function<hypervisor::EventBatch(
      const std::string& epoch, std::uint64_t after, std::chrono::milliseconds timeout)>;
  void begin(Services& services, ReadEvents read, std::function<void()> end);
  void stop();

  // True when the hypervisor has (or gets, within `timeout`) no domain of that VM.
  bool wait_for_end(const std::string& uuid, std::chrono::milliseconds timeout);

  // How often the VM was seen to reboot (in place, or by ending with a reboot); waits for one more.
  std::uint64_t reboots(const std::string& uuid);
  bool wait_for_reboot(const std::string& uuid, std::uint64_t before,
                       std::chrono::milliseconds timeout);

  // Looks at one VM soon; "": at what nobody uses.
  void poke(const std::string& uuid);

  // A disk that a running operation is making; what else is noted as a draft is removed.
  void add_draft(const std::string& vdi);
  void remove_draft(const std::string& vdi);
  bool has_draft(const std::string& vdi);

 private:
  void watch();
  void work();
  void take(const hypervisor::Event& event);
  void look_at_everything();
  // False when an operation is running on it: look again later.
  bool look_at(const std::string& uuid);
  bool look_at_guest(const std::string& uuid);

  std::function<void(std::function<void()>)> start_;
  Services* services_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::set<std::string> pending_;
  std::set<std::string> guests_;  // agents that told something new
  std::set<std::string> drafts_;
  std::map<std::string, hypervisor::EventKind> ended_;
  std::map<std::string, std::uint64_t> reboots_;
  std::uint64_t event_count_ = 0;
  ReadEvents read_events_;
  std::function<void()> end_reading_;
  std::thread watcher_;
  std::thread worker_;
};

}  // namespace xcp::xapi
