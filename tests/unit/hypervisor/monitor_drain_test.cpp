// SPDX-License-Identifier: GPL-2.0-or-later
// Monitors that still have something to say to somebody who is gone.
#include "hypervisor/libvirt/monitor_drain.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <set>
#include <thread>

#include "base/fd.hpp"

namespace xcp::hypervisor::libvirt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MonitorDrain : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/xcp-monitor-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  // Answers one connection: first `before`, then, when it was asked and `honest`, the answer.
  std::thread serve(const std::string& before, bool honest) {
    listener = listen_unix(directory + "/monitor", 0600);
    return std::thread([this, before, honest] {
      const UniqueFd peer(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      write_all(peer.get(), before);
      std::array<char, 4096> buffer;
      const std::string asked(buffer.data(), read_some(peer.get(), buffer.data(), buffer.size()));
      const auto id = asked.find("\"id\":\"");
      if (honest && id != std::string::npos)
        write_all(peer.get(), "{\"return\":{},\"id\":\"" + asked.substr(id + 6, 36) + "\"}\r\n");
      // Until the other side is done.
      while (read_some(peer.get(), buffer.data(), buffer.size()) > 0) {
      }
    });
  }

  std::string directory;
  UniqueFd listener;
};

TEST_F(MonitorDrain, OldAnswersAreThrownAway) {
  std::thread qemu = serve(
      "{\"QMP\":{}}\r\n{\"id\":\"libvirt-7\",\"error\":{\"desc\":\"Duplicate\"}}\r\n{\"event\":"
      "\"RESUME\"}\r\nno JSON\r\n",
      true);
  EXPECT_TRUE(drain_monitor(directory + "/monitor", seconds(20)));
  qemu.join();
}

TEST_F(MonitorDrain, AMonitorThatHangsIsGivenUp) {
  std::thread qemu = serve("{\"QMP\":{}}\r\n{\"id\":\"libvirt-7\",\"return\":{}}\r\n", false);
  EXPECT_FALSE(drain_monitor(directory + "/monitor", milliseconds(50)));
  qemu.join();
  EXPECT_TRUE(drain_monitor(directory + "/nobody", seconds(20)));
}

TEST_F(MonitorDrain, SocketsAreFoundInTheStateFiles) {
  write_file_durably(
      directory + "/a.xml",
      "<domstatus><monitor path='/x/monitor.sock' type='unix'/><domain/></domstatus>");
  write_file_durably(directory + "/b.xml", "rubbish");
  write_file_durably(directory + "/c.pid", "7");
  EXPECT_EQ(monitor_sockets(directory), std::vector<std::string>{"/x/monitor.sock"});
  EXPECT_TRUE(monitor_sockets(directory + "/absent").empty());
  std::thread qemu = serve("", true);
  drain_monitors({directory + "/monitor", directory + "/nobody"}, seconds(20));
  qemu.join();
}

TEST_F(MonitorDrain, DomainsWithoutAProcessAreForgotten) {
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  const auto write_status = [&](const std::string& name, pid_t pid) {
    write_file_durably(directory + "/" + name + ".xml",
                       "<domstatus pid='" + std::to_string(pid) + "'><domain/></domstatus>");
    write_file_durably(directory + "/" + name + ".pid", std::to_string(pid));
  };
  write_status("dead", gone);
  write_status("alive", getpid());
  write_status("starting", -1);
  forget_dead_domains(directory);
  std::set<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    left.insert(entry.path().filename());
  EXPECT_EQ(left,
            (std::set<std::string>{"alive.pid", "alive.xml", "starting.pid", "starting.xml"}));
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
