// SPDX-License-Identifier: GPL-2.0-or-later
// See openvswitch.hpp.
#include "openvswitch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "namespaces.hpp"

namespace xcp::network {

namespace {

constexpr const char* schema = "/usr/share/openvswitch/vswitch.ovsschema";

}  // namespace

OpenVswitch::OpenVswitch(std::string directory) : directory_(std::move(directory)) {
  std::filesystem::create_directories(directory_);
  Command create;
  create.argv = {"ovsdb-tool", "create", directory_ + "/conf.db", schema};
  run_checked(create);
  start_database();
  vsctl_at_once("init");
  start_vswitchd();
}

OpenVswitch::~OpenVswitch() {
  end(vswitchd_);
  end(database_);
}

pid_t OpenVswitch::start(const std::vector<std::string>& argv, const std::string& log) const {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const std::string log_path = directory_ + "/" + log;
  const pid_t pid = fork();
  if (pid < 0) throw system_failure("fork", errno);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Nothing of theirs goes where an installed Open vSwitch has its files.
    for (const char* name : {"OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"})
      setenv(name, directory_.c_str(), 1);
    const int fd = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    execvp(words[0], words.data());
    _exit(127);
  }
  return pid;
}

void OpenVswitch::end(pid_t& pid) const {
  if (pid <= 0) return;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = -1;
}

void OpenVswitch::start_database() {
  std::filesystem::remove(socket());
  database_ = start({"ovsdb-server", directory_ + "/conf.db", "--remote=punix:" + socket(),
                     "--unixctl=" + directory_ + "/database.ctl"},
                    "database.log");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!connect_unix(socket())) {
    if (std::chrono::steady_clock::now() > deadline)
      throw internal_error("ovsdb-server does not start: " +
                           read_file(directory_ + "/database.log").value_or(""));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void OpenVswitch::start_vswitchd() {
  vswitchd_ = start({"ovs-vswitchd", "unix:" + socket(), "--disable-system",
                     "--unixctl=" + directory_ + "/vswitchd.ctl"},
                    "vswitchd.log");
}

void OpenVswitch::kill_database() {
  end(database_);
}
void OpenVswitch::kill_vswitchd() {
  end(vswitchd_);
}

std::string OpenVswitch::vsctl(const std::string& arguments) const {
  return sh("ovs-vsctl --db=unix:" + socket() + " --timeout=20 " + arguments);
}
std::string OpenVswitch::vsctl_at_once(const std::string& arguments) const {
  return vsctl("--no-wait " + arguments);
}

}  // namespace xcp::network
