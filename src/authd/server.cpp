// SPDX-License-Identifier: GPL-2.0-or-later
// See server.hpp. A child's exit status is its answer to the loop: 0 for yes, 1 for no, anything
// else for a question that was not answered.
#include "authd/server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <deque>

#include "base/failure.hpp"
#include "base/rpc.hpp"

namespace xcp::auth {

namespace {

using Clock = std::chrono::steady_clock;

enum ChildStatus { said_yes = 0, said_no = 1, no_answer = 2 };

// Puts the delay before a "no", and keeps the answer for the exit status.
class DelayedNo : public Auth {
 public:
  DelayedNo(Auth& checker, std::chrono::milliseconds delay) : checker_(checker), delay_(delay) {}

  bool check(std::string user, std::string password) override {
    const auto answer_at = Clock::now() + delay_;
    const bool accepted = checker_.check(std::move(user), std::move(password));
    status = accepted ? said_yes : said_no;
    if (!accepted) {
      // Counted from the question on: a refusal takes the same time whatever its reason.
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(answer_at - Clock::now());
      if (left.count() > 0) poll(nullptr, 0, static_cast<int>(left.count()));
    }
    return accepted;
  }

  ChildStatus status = no_answer;

 private:
  Auth& checker_;
  std::chrono::milliseconds delay_;
};

[[noreturn]] void answer_and_exit(int connection, Auth& checker, const std::string& group,
                                  std::chrono::seconds deadline,
                                  std::chrono::milliseconds failure_delay) {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  alarm(static_cast<unsigned>(deadline.count()));
  DelayedNo delayed(checker, failure_delay);
  try {
    rpc::serve_one(connection, rpc::methods_of<Auth>(delayed), group);
  } catch (const std::exception&) {
    // The caller broke the framing or went away; the loop only needs to know that it was no "yes".
  }
  _exit(delayed.status);
}

class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, signal);
    if (sigprocmask(SIG_BLOCK, &set, &old_) != 0) throw system_failure("sigprocmask", errno);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) throw system_failure("signalfd", errno);
  }
  ~Signals() { restore(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  void restore() const { sigprocmask(SIG_SETMASK, &old_, nullptr); }
  int fd() const { return fd_.get(); }

  // True when one of them asks to stop.
  bool drain() const {
    bool stop = false;
    signalfd_siginfo info;
    while (read(fd_.get(), &info, sizeof(info)) == sizeof(info))
      stop = stop || info.ssi_signo != SIGCHLD;
    return stop;
  }

 private:
  sigset_t old_{};
  UniqueFd fd_;
};

class Loop {
 public:
  Loop(const UniqueFd& listener, Auth& checker, const std::string& group,
       const ServerLimits& limits)
      : listener_(listener), checker_(checker), group_(group), limits_(limits) {}

  void run() {
    for (;;) {
      // A full house: the next caller waits in the listen queue until a child ends.
      const bool room = children_ < limits_.processes;
      pollfd items[2] = {{signals_.fd(), POLLIN, 0}, {room ? listener_.get() : -1, POLLIN, 0}};
      const bool may_go = limits_.idle_exit.count() > 0 && children_ == 0;
      const int n = poll(items, 2, may_go ? static_cast<int>(limits_.idle_exit.count()) : -1);
      if (n < 0 && errno != EINTR) throw system_failure("poll", errno);
      if (n == 0) return;
      if (signals_.drain()) return;
      reap();
      if (n > 0 && items[1].revents != 0) accept_one();
    }
  }

 private:
  void reap() {
    int status = 0;
    while (waitpid(-1, &status, WNOHANG) > 0) {
      --children_;
      if (WIFEXITED(status) && WEXITSTATUS(status) == said_no) failures_.push_back(Clock::now());
    }
    const auto oldest = Clock::now() - limits_.failure_window;
    while (!failures_.empty() && failures_.front() < oldest) failures_.pop_front();
  }

  std::chrono::milliseconds failure_delay() const {
    return failures_.size() >= limits_.many_failures ? 4 * limits_.failure_delay
                                                     : limits_.failure_delay;
  }

  void accept_one() {
    const UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    const pid_t child = fork();
    // A machine out of processes: the caller sees its connection close and may ask again.
    if (child < 0) return;
    if (child == 0) {
      signals_.restore();
      answer_and_exit(connection.get(), checker_, group_, limits_.deadline, failure_delay());
    }
    ++children_;
  }

  const UniqueFd& listener_;
  Auth& checker_;
  const std::string& group_;
  const ServerLimits& limits_;
  Signals signals_;
  std::size_t children_ = 0;
  std::deque<Clock::time_point> failures_;
};

}  // namespace

void serve(const UniqueFd& listener, Auth& checker, const std::string& group,
           const ServerLimits& limits) {
  Loop(listener, checker, group, limits).run();
}

}  // namespace xcp::auth
