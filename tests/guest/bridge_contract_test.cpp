// SPDX-License-Identifier: GPL-2.0-or-later
// NICs on a bridge, with a daemon of their own in a network namespace: nothing of this machine's
// network is touched. Real guests only.
#include <algorithm>
#include <filesystem>

#include "base/process.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;

class BridgeContract : public ContractTest {
 protected:
  void SetUp() override {
    ContractTest::SetUp();
    if (!world().real_guests) GTEST_SKIP() << "the sim has no network";
    if (world().xen) GTEST_SKIP() << "Xen's backends know one network namespace, the host's";
    const std::string directory = files_ + "/daemon";
    copy_directory(world().qemu_capabilities, directory + "/state/libvirt/cache");
    daemon_ = std::make_unique<DaemonProcess>(
        std::vector<std::string>{"unshare", "--net", XCP_HYPERVISORD}, world().arguments,
        directory);
    in_namespace({"ip", "link", "add", "testbr0", "type", "bridge"});
    in_namespace({"ip", "address", "add", "192.0.2.1/24", "dev", "testbr0"});
    in_namespace({"ip", "link", "set", "testbr0", "up"});
  }
  void TearDown() override {
    if (daemon_) daemon_->client().destroy(uuid_);
    daemon_.reset();
    ContractTest::TearDown();
  }

  std::string in_namespace(std::vector<std::string> words) {
    Command command;
    command.argv = {"nsenter", "-t", std::to_string(daemon_->pid()), "-n"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.timeout = std::chrono::minutes(1);
    return run_checked(command);
  }
  std::string ports() { return in_namespace({"ip", "-o", "link", "show", "master", "testbr0"}); }

  NicSpec bridge_nic(const std::string& device, const std::string& tap) const {
    NicSpec nic = user_nic(device);
    nic.backing = NicBacking::bridge;
    nic.bridge = "testbr0";
    nic.host_device = tap;
    return nic;
  }

  std::unique_ptr<DaemonProcess> daemon_;
};

TEST_F(BridgeContract, GuestsMeetOnABridge) {
  Hypervisor& hypervisor = daemon_->client();
  VmSpec spec = small_guest();
  spec.nics = {bridge_nic("0", "tap7.0")};
  hypervisor.build(spec);
  EXPECT_EQ(hypervisor.domain(uuid_)->nics.at(0).host_device, "tap7.0");
  EXPECT_EQ(hypervisor.domain(uuid_)->nics.at(0).bridge, "testbr0");
  EXPECT_NE(ports().find("tap7.0"), std::string::npos);
  hypervisor.unpause(uuid_);
  Terminal guest(hypervisor.console(uuid_, ConsoleKind::serial));
  guest.wait_for("TEST GUEST READY");
  guest.run("ifconfig eth0 192.0.2.2 netmask 255.255.255.0 up");
  EXPECT_NE(guest.run("ping -c 1 -W 20 192.0.2.1").find("status 0"), std::string::npos);
  const DomainStats stats = hypervisor.stats().at(0);
  ASSERT_EQ(stats.nics.size(), 1u);
  EXPECT_EQ(stats.nics[0].device, "0");
  EXPECT_GT(stats.nics[0].read_bytes, 0);
  EXPECT_GT(stats.nics[0].write_bytes, 0);

  NicSpec second = bridge_nic("1", "tap7.1");
  second.mtu = 1400;
  hypervisor.plug_nic(uuid_, second);
  EXPECT_NE(ports().find("tap7.1"), std::string::npos);
  guest.run_until("cat /sys/class/net/eth1/mtu", "1400");
  hypervisor.unplug_nic(uuid_, "1");
  EXPECT_EQ(ports().find("tap7.1"), std::string::npos);
  hypervisor.destroy(uuid_);
  EXPECT_EQ(ports(), "");
}

TEST_F(BridgeContract, ABridgeThatIsNotThereFailsTheBuildAndLeavesNoTap) {
  VmSpec spec = small_guest();
  spec.nics = {bridge_nic("0", "tap8.0"), bridge_nic("1", "tap8.1")};
  spec.nics[1].bridge = "absent";
  EXPECT_EQ(code_of([&] { daemon_->client().build(spec); }), "INTERNAL_ERROR");
  EXPECT_EQ(ports(), "");
  EXPECT_EQ(in_namespace({"ip", "-o", "link"}).find("tap8"), std::string::npos);
}

}  // namespace
}  // namespace xcp::test
