// SPDX-License-Identifier: GPL-2.0-or-later
// Simulated NICs are what their file says.
#include <fstream>

#include "base/describe.hpp"
#include "namespaces.hpp"

namespace xcp::network {
namespace {

class SimNics : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    network = make(Backend::sim);
    seen = network->events("", 0, std::chrono::milliseconds(0));
  }
  void write(const std::vector<NicInfo>& nics) {
    write_file_durably(file(), json_text(to_json(nics)));
  }
  std::string file() const { return directory.path("state/sim-nics.json"); }
  std::vector<std::string> next_events() {
    seen = network->events(seen.epoch, seen.last, std::chrono::seconds(10));
    std::vector<std::string> devices;
    for (const Event& event : seen.events) devices.push_back(event.device);
    return devices;
  }
  std::unique_ptr<LocalNetwork> network;
  EventBatch seen;
};

TEST_F(SimNics, ACableIsPulledAndPluggedInAgain) {
  auto nics = network->nics();
  nics[1].carrier = false;
  write(nics);
  EXPECT_EQ(next_events(), (std::vector<std::string>{"eth1"}));
  EXPECT_FALSE(network->nics()[1].carrier);
  EXPECT_EQ(network->nic_stats()[1].rx_bytes, 0);
  nics[1].carrier = true;
  write(nics);
  EXPECT_EQ(next_events(), (std::vector<std::string>{"eth1"}));
  EXPECT_TRUE(network->nics()[1].carrier);
}

TEST_F(SimNics, NicsComeAndGo) {
  network->ensure_network(spec("xenbr1", "eth1"));
  EXPECT_EQ(network->nics()[1].bridge, "xenbr1");
  auto nics = network->nics();
  const NicInfo removed = nics.back();
  nics.pop_back();
  write(nics);
  EXPECT_EQ(next_events(), (std::vector<std::string>{"eth1"}));
  EXPECT_FALSE(network->networks()[0].up);
  NicInfo added;
  added.device = "eth9";
  nics.push_back(added);
  nics.push_back(removed);
  write(nics);
  std::vector<std::string> devices = next_events();
  while (devices.size() < 2)
    for (const std::string& device : next_events()) devices.push_back(device);
  EXPECT_EQ(devices, (std::vector<std::string>{"eth1", "eth9"}));
  EXPECT_TRUE(network->networks()[0].up);
}

TEST_F(SimNics, AFileThatCannotBeUnderstoodChangesNothing) {
  { std::ofstream(file()) << "not JSON"; }
  EXPECT_EQ(network->nics().size(), 2u);
  network.reset();
  EXPECT_NE(failure_of([&] { make(Backend::sim); }).find(file()), std::string::npos);
}

TEST_F(SimNics, TheirNumberIsASetting) {
  network.reset();
  std::filesystem::remove(file());
  NetworkSettings more = settings(Backend::sim);
  more.sim_nics = 5;
  EXPECT_EQ(LocalNetwork(more).nics().size(), 5u);
}

TEST_F(SimNics, NothingIsMadeOnTheHost) {
  const auto before = host->all().size();
  const NetworkSpec net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  PortSpec wanted = port(1, net);
  wanted.rate_kbytes_per_s = 100;
  network->add_port(wanted);
  network->activate_port(wanted.uuid);
  EXPECT_EQ(host->all().size(), before);
}

}  // namespace
}  // namespace xcp::network
