// SPDX-License-Identifier: GPL-2.0-or-later
// posix_spawn with pipes; one poll loop feeds input and drains output until the program ends.
#include "base/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp {

namespace {

constexpr std::size_t output_limit = 8u << 20;
constexpr std::size_t errors_limit = 64u << 10;
constexpr std::chrono::milliseconds longest_wait{100};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw system_failure("pipe", errno);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class Child {
 public:
  Child(const Command& command, int in, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv;
    for (const std::string& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char lang[] = "LANG=C.UTF-8";
    char* environment[] = {path, lang, nullptr};
    const int error = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw system_failure("cannot run " + command.argv[0], error);
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);
    wait_end();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait_end() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
};

class LineFeed {
 public:
  explicit LineFeed(const std::function<void(const std::string&)>& sink) : sink_(sink) {}
  void take(const char* bytes, std::size_t size) {
    if (!sink_) return;
    for (std::size_t i = 0; i < size; ++i) {
      // Progress meters end a line with a carriage return.
      if (bytes[i] == '\n' || bytes[i] == '\r') {
        sink_(line_);
        line_.clear();
      } else {
        line_ += bytes[i];
      }
    }
  }

 private:
  const std::function<void(const std::string&)>& sink_;
  std::string line_;
};

}  // namespace

Outcome run(const Command& command) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Child child(command, in.read_end.get(), out.write_end.get(), err.write_end.get());
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  if (command.input.empty())
    in.write_end.reset();
  else
    fcntl(in.write_end.get(), F_SETFL, O_NONBLOCK);

  Outcome outcome;
  LineFeed lines(command.on_line);
  std::size_t fed = 0;
  const auto deadline = std::chrono::steady_clock::now() + command.timeout;
  std::array<char, 65536> buffer;
  while (out.read_end || err.read_end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      throw internal_error(command.argv[0] + ": gave no result within " +
                           std::to_string(command.timeout.count() / 1000) + " s");
    pollfd items[3] = {{out.read_end.get(), POLLIN, 0},
                       {err.read_end.get(), POLLIN, 0},
                       {in.write_end.get(), POLLOUT, 0}};
    if (command.cancelled && command.cancelled()) throw Failure("TASK_CANCELLED");
    const auto wait = std::min(left, command.cancelled ? longest_wait : std::chrono::hours(1));
    if (poll(items, 3, static_cast<int>(wait.count())) < 0) {
      if (errno == EINTR) continue;
      throw system_failure("poll", errno);
    }
    if (items[0].revents != 0) {
      const std::size_t n = read_some(out.read_end.get(), buffer.data(), buffer.size());
      if (n == 0) out.read_end.reset();
      if (outcome.output.size() < output_limit) outcome.output.append(buffer.data(), n);
      lines.take(buffer.data(), n);
    }
    if (items[1].revents != 0) {
      const std::size_t n = read_some(err.read_end.get(), buffer.data(), buffer.size());
      if (n == 0) err.read_end.reset();
      outcome.errors.append(buffer.data(), n);
      if (outcome.errors.size() > errors_limit)
        outcome.errors.erase(0, outcome.errors.size() - errors_limit);
    }
    if (items[2].revents != 0) {
      const ssize_t n =
          write(in.write_end.get(), command.input.data() + fed, command.input.size() - fed);
      if (n > 0) fed += static_cast<std::size_t>(n);
      if ((n < 0 && errno != EINTR && errno != EAGAIN) || fed == command.input.size())
        in.write_end.reset();
    }
  }
  outcome.exit_status = child.wait_end();
  return outcome;
}

std::string run_checked(const Command& command) {
  Outcome outcome = run(command);
  if (outcome.exit_status == 0) return std::move(outcome.output);
  std::string reason = outcome.errors;
  while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' ')) reason.pop_back();
  const auto line = reason.rfind('\n');
  if (line != std::string::npos) reason.erase(0, line + 1);
  if (reason.empty()) reason = "exit status " + std::to_string(outcome.exit_status);
  throw internal_error(command.argv[0] + ": " + reason);
}

}  // namespace xcp
