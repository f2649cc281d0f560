// SPDX-License-Identifier: GPL-2.0-or-later
// See reaper.hpp. What may be collected is told by the session: children that libvirt waits for
// have ours; a daemon is in the session of its starter. That starter leads the session and is
// waited for by libvirt when libvirt made it, by nobody when QEMU made it; so it is left alone for
// a while.
#include "hypervisor/libvirt/reaper.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds leaders_wait{5};

volatile sig_atomic_t death_fd = -1;

void on_death(int) {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(death_fd, &one, sizeof(one));
  errno = saved;
}

UniqueFd make_eventfd() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) throw system_failure("eventfd", errno);
  return fd;
}

// Children belong to threads.
std::vector<pid_t> children() {
  std::vector<pid_t> all;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::istringstream words(read_file(task.path().string() + "/children").value_or(""));
    for (pid_t pid; words >> pid;) all.push_back(pid);
  }
  return all;
}

// The session of a process that ended and was not collected; 0 for any other.
pid_t session_of_dead(pid_t pid) {
  const std::string stat = read_file(fmt::format("/proc/{}/stat", pid)).value_or("");
  const auto name_end = stat.rfind(')');
  char state = 0;
  int parent = 0, group = 0, session = 0;
  if (name_end == std::string::npos || std::sscanf(stat.c_str() + name_end + 1, " %c %d %d %d",
                                                   &state, &parent, &group, &session) != 4)
    return 0;
  return state == 'Z' ? session : 0;
}

}  // namespace

Reaper::Reaper() : stop_(make_eventfd()), death_(make_eventfd()) {
  death_fd = death_.get();
  struct sigaction action {};
  action.sa_handler = on_death;
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  sigaction(SIGCHLD, &action, nullptr);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  thread_ = std::thread([this] { run(); });
}

Reaper::~Reaper() {
  const std::uint64_t one = 1;
  write_all(stop_.get(), {reinterpret_cast<const char*>(&one), sizeof(one)});
  thread_.join();
  signal(SIGCHLD, SIG_DFL);
}

// True when a dead child is left that may have to be collected later.
bool Reaper::collect() {
  const pid_t ours = getsid(0);
  std::map<pid_t, Clock::time_point> waiting;
  for (const pid_t pid : children()) {
    const pid_t session = session_of_dead(pid);
    if (session == 0 || session == ours) continue;
    if (session == pid) {
      const auto [seen, first] = leaders_.try_emplace(pid, Clock::now());
      if (Clock::now() - seen->second < leaders_wait) {
        waiting.insert(*seen);
        continue;
      }
    }
    waitpid(pid, nullptr, WNOHANG);
  }
  leaders_ = std::move(waiting);
  return !leaders_.empty();
}

void Reaper::run() {
  int patience = -1;
  for (;;) {
    pollfd items[] = {{stop_.get(), POLLIN, 0}, {death_.get(), POLLIN, 0}};
    poll(items, 2, patience);
    if (items[0].revents != 0) return;
    std::uint64_t ignored;
    while (read(death_.get(), &ignored, sizeof(ignored)) > 0) {
    }
    constexpr int look_again = 1000 * leaders_wait.count();
    patience = collect() ? look_again : -1;
  }
}

}  // namespace xcp::hypervisor::libvirt
