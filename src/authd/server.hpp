// SPDX-License-Identifier: GPL-2.0-or-later
// The daemon's loop. Each connection gets a process of its own that answers one question and ends,
// so that a password and whatever a PAM module did to its process die with the answer, and a module
// that hangs or crashes takes nobody else along. Single-threaded; the loop never sees a password.
#pragma once

#include <chrono>
#include <string>

#include "authd/auth.hpp"
#include "base/fd.hpp"

namespace xcp::auth {

struct ServerLimits {
  std::size_t processes = 32;                     // questions at a time; more wait in the queue
  std::chrono::seconds deadline{30};              // then the process is ended, the caller told
  std::chrono::milliseconds failure_delay{1000};  // before each "no"
  // From this many failures within `failure_window` on, a "no" takes four times as long.
  std::size_t many_failures = 20;
  std::chrono::seconds failure_window{60};
  std::chrono::milliseconds idle_exit{0};  // 0: stay; else end after this time unused
};

// Serves until SIGTERM or SIGINT, or until idle. Only root, this process's user and members of
// `group` are answered. Children still at work at the end are left to finish.
void serve(const UniqueFd& listener, Auth& checker, const std::string& group,
           const ServerLimits& limits = {});

}  // namespace xcp::auth
