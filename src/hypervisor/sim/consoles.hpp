// SPDX-License-Identifier: GPL-2.0-or-later
// The consoles of all guests: connected sockets, each with a session that speaks for its guest, all
// served by one thread. A session ends when either side closes or the guest is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.hpp"

namespace xcp::hypervisor::sim {

// What a console shows of its guest.
struct ConsoleView {
  std::int64_t domid = 0;
  std::string uuid;
  std::string name;  // VM's label
  std::string host_name;
  std::int64_t boots = 0;
  bool running = false;  // else time stands still
  bool up = false;
  bool going_down = false;
  bool crashed = false;
  std::int64_t vcpus = 1;
  std::int64_t memory_bytes = 0;
  std::int64_t since_boot_ms = 0;  // in the guest's own time
  std::int64_t boot_length_ms = 0;
};

enum class GuestCommand { poweroff, reboot, crash };

// One end of a console. Not thread safe; only the consoles' thread calls it.
class ConsoleSession {
 public:
  virtual ~ConsoleSession() = default;
  // Takes what the user sent and appends the answer; false hangs up.
  virtual bool take(std::string_view bytes, std::string& out) = 0;
  // Shows how far the guest has come; returns the milliseconds after which to be called again, -1
  // for not before something happens.
  virtual std::int64_t follow(const ConsoleView& view, std::string& out) = 0;
};

using CommandSink = std::function<void(GuestCommand)>;

// A serial line: the boot log so far, the rest as it comes, a login prompt, a small shell.
std::unique_ptr<ConsoleSession> make_serial_session(CommandSink commands);
// RFB 3.8 (3.3 and 3.7 as well), no security, a still picture of 640 x 480.
std::unique_ptr<ConsoleSession> make_vnc_session(const ConsoleView& view);

class Consoles {
 public:
  using Look = std::function<std::optional<ConsoleView>(std::int64_t domid)>;

  explicit Consoles(Look look);
  ~Consoles() { stop(); }
  Consoles(const Consoles&) = delete;
  Consoles& operator=(const Consoles&) = delete;

  void stop();  // hangs up everywhere; `look` and the sessions are not called any more

  // The caller's end of a new connection.
  UniqueFd open(std::int64_t domid, std::unique_ptr<ConsoleSession> session);
  // Something happened to a guest; cheap, may be called with locks held.
  void wake();

 private:
  struct Connection {
    std::int64_t domid;
    UniqueFd socket;
    std::unique_ptr<ConsoleSession> session;
    std::string out;
    bool ended = false;
  };

  void run();
  void receive(Connection& connection);
  void send(Connection& connection);
  // Milliseconds until some session wants to be followed again, -1 for never.
  std::int64_t follow_all();

  const Look look_;
  UniqueFd wake_;
  std::mutex mutex_;  // guards the two below
  std::vector<std::unique_ptr<Connection>> arriving_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;  // the thread's own
  std::thread thread_;
};

}  // namespace xcp::hypervisor::sim
