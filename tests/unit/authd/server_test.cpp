// SPDX-License-Identifier: GPL-2.0-or-later
// The daemon's loop in a process of its own, asked through the client that xapi uses.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "authd/client.hpp"
#include "authd/server.hpp"
#include "base/failure.hpp"

namespace xcp::auth {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// "hang" never gets an answer, "crash" takes its process along, "broken" throws.
class Scripted : public Auth {
 public:
  bool check(std::string user, std::string password) override {
    if (user == "hang") pause();
    if (user == "crash") std::raise(SIGKILL);
    if (user == "broken") throw internal_error("cannot tell");
    return password == "right";
  }
};

class AuthServer : public testing::Test {
 protected:
  ~AuthServer() override {
    if (server_ > 0) stop();
    std::filesystem::remove_all(directory_);
  }

  void start(ServerLimits limits, const std::string& group = "") {
    const UniqueFd listener = listen_unix(socket_, 0666, group);
    server_ = fork();
    if (server_ != 0) return;
    Scripted scripted;
    serve(listener, scripted, group, limits);
    _exit(0);
  }

  int stop() {
    kill(server_, SIGTERM);
    return wait();
  }

  int wait() {
    int status = -1;
    waitpid(server_, &status, 0);
    server_ = -1;
    return status;
  }

  bool check(const std::string& user, const std::string& password) {
    return make_client(socket_)->check(user, password);
  }

  milliseconds time_of_no() {
    const auto start = Clock::now();
    EXPECT_FALSE(check("alice", "wrong"));
    return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
  }

  static ServerLimits quick() {
    ServerLimits limits;
    limits.failure_delay = milliseconds(1);
    return limits;
  }

  char template_[32] = "/tmp/authd-test-XXXXXX";
  std::string directory_ = mkdtemp(template_);
  std::string socket_ = directory_ + "/auth.sock";
  pid_t server_ = -1;
};

TEST_F(AuthServer, answers_yes_and_no_and_ends_when_told) {
  start(quick());
  EXPECT_TRUE(check("alice", "right"));
  EXPECT_FALSE(check("alice", "wrong"));
  EXPECT_EQ(stop(), 0);
}

TEST_F(AuthServer, passes_a_failure_on) {
  start(quick());
  try {
    check("broken", "right");
    FAIL() << "no failure";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.params(), std::vector<std::string>{"cannot tell"});
  }
}

TEST_F(AuthServer, outlives_a_module_that_crashes) {
  start(quick());
  EXPECT_THROW(check("crash", "right"), Failure);
  EXPECT_TRUE(check("alice", "right"));
}

TEST_F(AuthServer, ends_a_module_that_hangs_and_serves_others_meanwhile) {
  ServerLimits limits = quick();
  limits.deadline = std::chrono::seconds(1);
  start(limits);
  std::thread stuck([&] { EXPECT_THROW(check("hang", "right"), Failure); });
  EXPECT_TRUE(check("alice", "right"));
  stuck.join();
}

TEST_F(AuthServer, delays_a_no_and_more_so_after_many) {
  ServerLimits limits;
  limits.failure_delay = milliseconds(50);
  limits.many_failures = 2;
  start(limits);
  EXPECT_GE(time_of_no(), milliseconds(50));
  EXPECT_GE(time_of_no(), milliseconds(50));
  // The processes of those two may still be ending while this one is asked.
  EXPECT_GE(time_of_no(), milliseconds(50));
  EXPECT_GE(time_of_no(), milliseconds(200));
  EXPECT_TRUE(check("alice", "right"));
}

TEST_F(AuthServer, lets_callers_wait_when_all_processes_are_busy) {
  ServerLimits limits = quick();
  limits.processes = 1;
  limits.deadline = std::chrono::seconds(1);
  start(limits);
  std::thread stuck([&] { EXPECT_THROW(check("hang", "right"), Failure); });
  std::thread waiting([&] { EXPECT_TRUE(check("alice", "right")); });
  stuck.join();
  waiting.join();
}

TEST_F(AuthServer, ends_when_idle) {
  ServerLimits limits = quick();
  limits.idle_exit = milliseconds(20);
  start(limits);
  EXPECT_EQ(wait(), 0);
}

TEST_F(AuthServer, is_not_confused_by_garbage) {
  start(quick());
  for (const std::string bytes :
       {"garbage\n", "{}\n", "{\"method\":\"check\",\"params\":[1],\"id\":1}\n", "half"}) {
    const auto connection = connect_unix(socket_);
    ASSERT_TRUE(connection);
    write_all(connection->get(), bytes);
    shutdown(connection->get(), SHUT_WR);
    char buffer[512];
    while (read_some(connection->get(), buffer, sizeof(buffer)) > 0) continue;
  }
  EXPECT_TRUE(check("alice", "right"));
}

TEST_F(AuthServer, answers_nobody_outside_its_group) {
  if (geteuid() != 0) FAIL() << "needs root to become somebody else";
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  start(quick(), "64990");
  const auto ask_as = [&](unsigned gid) {
    const pid_t child = fork();
    if (child == 0) {
      bool accepted = false;
      try {
        if (setgid(gid) == 0 && setuid(64991) == 0) accepted = check("alice", "right");
      } catch (const Failure&) {
        _exit(2);
      }
      _exit(accepted ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(ask_as(64990), 0);
  EXPECT_EQ(ask_as(64992), 2);
}

}  // namespace
}  // namespace xcp::auth
