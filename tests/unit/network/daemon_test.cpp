// SPDX-License-Identifier: GPL-2.0-or-later
// The program: over its socket, killed at every place, without the right it needs; over each
// backend that makes devices.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/fd.hpp"
#include "base/process.hpp"
#include "ovs-integration/client.hpp"
#include "switches.hpp"

namespace xcp::network {
namespace {

class Daemon : public SwitchTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    socket = directory.path("socket");
  }
  void TearDown() override {
    if (pid > 0) stop(SIGKILL);
  }

  void begin(const std::string& fault = {}, std::string backend = {}) {
    std::filesystem::remove(socket);
    if (backend.empty()) backend = boost::describe::enum_to_string(GetParam(), "?");
    const OvsSettings open_vswitch = settings(GetParam()).ovs;
    pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (!fault.empty()) setenv("XCP_FAULT", fault.c_str(), 1);
      const int log = open(directory.path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(log, 1);
      dup2(log, 2);
      execl(XCP_NETWORKD, XCP_NETWORKD, "--socket", socket.c_str(), "--state-dir",
            directory.path("state").c_str(), "--backend", backend.c_str(), "--ovs-socket",
            open_vswitch.socket.c_str(), "--ovs-datapath", open_vswitch.datapath_type.c_str(),
            "--nic", "eth0", "--nic", "eth1", static_cast<char*>(nullptr));
      _exit(127);
    }
    // The client waits for a daemon that is starting.
    client = make_client(socket);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (code_of([&] { client->backend(); }) != "" &&
           std::chrono::steady_clock::now() < deadline && !has_ended()) {
    }
  }
  bool has_ended() {
    if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid) pid = -1;
    return pid < 0;
  }
  int stop(int signal_number) {
    kill(pid, signal_number);
    return wait();
  }
  int wait() {
    if (pid > 0) waitpid(pid, &status, 0);
    pid = -1;
    return status;
  }
  std::string log() const { return read_file(directory.path("log")).value_or(""); }

  std::string socket;
  pid_t pid = -1;
  int status = 0;
  std::unique_ptr<Network> client;
};
XCP_OVER_ALL_SWITCHES(Daemon);

TEST_P(Daemon, ServesTheContractAndEndsCleanly) {
  begin();
  EXPECT_EQ(client->backend(), GetParam());
  const NetworkSpec net = client->ensure_network(spec("xenbr1", "eth1")).spec;
  const PortBacking backing = client->add_port(port(1, net));
  EXPECT_EQ(failure_of([&] { client->activate_port(port(1, net).uuid); }),
            "DEVICE_NOT_ATTACHED " + port(1, net).uuid);
  const Tap tap(backing.host_device);
  client->activate_port(port(1, net).uuid);
  ASSERT_EQ(client->networks().size(), 1u);
  EXPECT_EQ(client->ports().size(), 1u);
  EXPECT_EQ(client->nics().size(), 2u);

  // Somebody waits for events when the end comes.
  const EventBatch now = client->events("", 0, std::chrono::milliseconds(0));
  std::thread waiting(
      [&] { code_of([&] { client->events(now.epoch, now.last, std::chrono::hours(1)); }); });
  const int ended = stop(SIGTERM);
  waiting.join();
  EXPECT_TRUE(WIFEXITED(ended) && WEXITSTATUS(ended) == 0) << log();
  EXPECT_TRUE(host->find("xenbr1")->up);
  EXPECT_EQ(bridge_of(backing.host_device), "xenbr1");
}

TEST_P(Daemon, AKillAtAnyPlaceLosesNothingAcknowledgedAndLeavesNothingHalfMade) {
  const NetworkSpec first = spec("xenbr1");
  NetworkSpec second = spec("xenbr2", "eth1");
  second.uuid = other_uuid;
  struct Case {
    const char* place;
    std::function<void(Network&)> call;
    bool stays;  // what the call asked for was done, whatever the caller was told
  };
  const auto ensure = [&](Network& n) { n.ensure_network(second); };
  const auto add = [&](Network& n) { n.add_port(port(2, first)); };
  const auto remove = [&](Network& n) { n.remove_network(first.uuid); };
  const auto remove_port = [&](Network& n) { n.remove_port(port(1, first).uuid); };
  const std::vector<Case> cases{{"network.bridge.made", ensure, false},
                                {"network.ensure.made", ensure, false},
                                {"network.state.write", ensure, false},
                                {"network.state.written", ensure, true},
                                {"network.state.write", add, false},
                                {"network.state.written", add, true},
                                {"network.remove_port.released", remove_port, false},
                                {"network.state.write", remove_port, false},
                                {"network.state.written", remove_port, true},
                                {"network.remove.removed", remove, false},
                                {"network.state.write", remove, false},
                                {"network.state.written", remove, true}};
  int number = 0;
  for (const Case& each : cases) {
    SCOPED_TRACE(std::string(each.place) + " #" + std::to_string(number++));
    std::filesystem::remove_all(directory.path("state"));
    begin();
    client->ensure_network(first);
    const bool removes_network =
        each.place == std::string("network.remove.removed") || (number >= 11);
    if (!removes_network) client->add_port(port(1, first));
    stop(SIGTERM);

    begin(std::string(each.place) + "=kill");
    EXPECT_EQ(code_of([&] { each.call(*client); }), "INTERNAL_ERROR");
    EXPECT_TRUE(WIFSIGNALED(wait())) << log();

    begin();
    std::set<std::string> networks, ports;
    for (const NetworkState& state : client->networks()) {
      EXPECT_TRUE(state.up);
      networks.insert(state.spec.bridge);
    }
    for (const PortSpec& spec : client->ports()) ports.insert(spec.device);
    EXPECT_EQ(bridges(), networks) << "a bridge nobody knows, or a network without one";
    // The state before, or the one the call was to make; never anything else.
    std::set<std::string> networks_wanted{"xenbr1"};
    std::set<std::string> ports_wanted;
    if (!removes_network) ports_wanted.insert("1");
    if (each.stays) {
      if (number == 4) networks_wanted.insert("xenbr2");
      if (number == 6) ports_wanted.insert("2");
      if (number == 9) ports_wanted.erase("1");
      if (number == 12) networks_wanted.erase("xenbr1");
    }
    EXPECT_EQ(networks, networks_wanted);
    EXPECT_EQ(ports, ports_wanted);
    if (!networks.contains("xenbr2")) {
      EXPECT_EQ(bridge_of("eth1"), "");
    }
    // And what was asked for can be asked again.
    each.call(*client);
    stop(SIGTERM);
    for (const std::string& bridge : bridges()) delete_bridge(bridge);
  }
}

TEST_P(Daemon, SaysWhichRightItLacks) {
  Command command;
  command.argv = {"setpriv",
                  "--bounding-set=-all",
                  "--inh-caps=-all",
                  "--ambient-caps=-all",
                  XCP_NETWORKD,
                  "--backend",
                  boost::describe::enum_to_string(GetParam(), "?"),
                  "--socket",
                  socket,
                  "--state-dir",
                  directory.path("state")};
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE((outcome.output + outcome.errors).find("CAP_NET_ADMIN"), std::string::npos);
}

TEST_P(Daemon, NeedsNoRightWithoutDevices) {
  begin({}, "sim");
  EXPECT_EQ(client->backend(), Backend::sim);
  EXPECT_EQ(client->nics().size(), 2u);
}

}  // namespace
}  // namespace xcp::network
