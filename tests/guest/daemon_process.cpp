// SPDX-License-Identifier: GPL-2.0-or-later
// See daemon_process.hpp.
#include "daemon_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp::test {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds start_timeout{120};

}  // namespace

DaemonProcess::DaemonProcess(std::vector<std::string> command, std::vector<std::string> arguments,
                             std::string directory)
    : command_(std::move(command)),
      arguments_(std::move(arguments)),
      directory_(std::move(directory)) {
  std::filesystem::create_directories(state_directory());
  start();
}

DaemonProcess::~DaemonProcess() {
  if (pid_ > 0) end(SIGTERM);
}

std::unique_ptr<hypervisor::Hypervisor> DaemonProcess::another_client() const {
  return hypervisor::make_client(directory_ + "/socket");
}

void DaemonProcess::start() {
  const std::string socket = directory_ + "/socket";
  unlink(socket.c_str());
  std::vector<std::string> words = command_;
  words.insert(words.end(), {"--socket", socket, "--group", "", "--state-dir", state_directory()});
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string log = directory_ + "/log";
  for (const int fd : {1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
  const int error = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw system_failure("start " + command_[0], error);
  for (const auto deadline = Clock::now() + start_timeout; !connect_unix(socket);) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_ || Clock::now() > deadline) {
      pid_ = -1;
      throw internal_error("the daemon does not serve:\n" + read_file(log).value_or(""));
    }
    usleep(10000);
  }
  client_ = another_client();
}

int DaemonProcess::end(int signal_number) {
  kill(pid_, signal_number);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace xcp::test
