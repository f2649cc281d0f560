// SPDX-License-Identifier: GPL-2.0-or-later
// Guests' ports on real bridges, of the kernel or of Open vSwitch, with real frames.
#include <unistd.h>

#include <algorithm>
#include <array>

#include "switches.hpp"

namespace xcp::network {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds soon(5000);

class SwitchPorts : public SwitchTest {
 protected:
  void SetUp() override {
    SwitchTest::SetUp();
    net = network->ensure_network(spec("xenbr1", "eth1")).spec;
  }
  // What the hypervisor does between add_port and activate_port.
  std::unique_ptr<Tap> plug(const PortSpec& wanted, bool persistent = false) {
    const PortBacking backing = network->add_port(wanted);
    auto tap = std::make_unique<Tap>(backing.host_device, persistent);
    put_in(backing.host_device, backing.bridge);
    sh("ip link set " + backing.host_device + " up");
    return tap;
  }
  // Bytes that reach `to` while `from` sends as fast as it can.
  std::int64_t flood(Tap& from, Tap& to, milliseconds duration) {
    const std::string frame = broadcast_frame(std::string(1400, 'x'));
    const auto end = std::chrono::steady_clock::now() + duration;
    std::array<char, 2048> buffer;
    std::int64_t bytes = 0;
    while (std::chrono::steady_clock::now() < end) {
      [[maybe_unused]] const ssize_t sent = write(from.fd(), frame.data(), frame.size());
      for (ssize_t n; (n = read(to.fd(), buffer.data(), buffer.size())) > 0;)
        if (n == static_cast<ssize_t>(frame.size())) bytes += n;
    }
    return bytes;
  }

  NetworkSpec net;
};
XCP_OVER_ALL_SWITCHES(SwitchPorts);

TEST_P(SwitchPorts, GuestsReachEachOtherAndTheWireFromTheirFirstFrameOn) {
  auto one = plug(port(1, net));
  auto two = plug(port(2, net));
  network->activate_port(port(1, net).uuid);
  network->activate_port(port(2, net).uuid);
  Wire wire("wire1");
  one->send(broadcast_frame("hello"));
  EXPECT_EQ(two->receive(test_ether_type, soon).substr(0, 5), "hello");
  EXPECT_EQ(wire.receive(soon).substr(0, 5), "hello");
}

TEST_P(SwitchPorts, ActivationNeedsTheDevice) {
  PortSpec wanted = port(1, net);
  wanted.mtu = 1400;
  network->add_port(wanted);
  EXPECT_EQ(failure_of([&] { network->activate_port(wanted.uuid); }),
            "DEVICE_NOT_ATTACHED " + wanted.uuid);
  const Tap tap("tap00000001");
  network->activate_port(wanted.uuid);
  const Link device = link("tap00000001");
  EXPECT_EQ(device.alias, "xcp:" + wanted.uuid);
  EXPECT_EQ(device.mtu, 1400);
  EXPECT_EQ(bridge_of("tap00000001"), "xenbr1");
  EXPECT_TRUE(device.up);
  for (const Address& address : host->addresses()) EXPECT_NE(address.index, device.index);
  for (const NicInfo& nic : network->nics()) EXPECT_NE(nic.device, device.name);

  take_out("tap00000001");
  add_bridge("br7");
  put_in("tap00000001", "br7");
  EXPECT_EQ(code_of([&] { network->activate_port(wanted.uuid); }), "INTERNAL_ERROR");
  EXPECT_EQ(bridge_of("tap00000001"), "br7");
}

TEST_P(SwitchPorts, ARateLimitHoldsAndIsLifted) {
  PortSpec wanted = port(1, net);
  auto one = plug(wanted);
  auto two = plug(port(2, net));
  network->activate_port(port(2, net).uuid);
  network->activate_port(wanted.uuid);
  if (is_ovs()) {
    // Through ovs-vswitchd itself nothing can be limited, and nothing pretends to.
    wanted.rate_kbytes_per_s = 500;
    network->add_port(wanted);
    EXPECT_EQ(code_of([&] { network->activate_port(wanted.uuid); }), "NOT_IMPLEMENTED");
    return;
  }
  constexpr milliseconds duration(500);
  constexpr std::int64_t rate = 500;                             // KiB/s
  constexpr std::int64_t allowed = rate * 1024 / 2 + 64 * 1024;  // in half a second, and a burst
  EXPECT_GT(flood(*one, *two, duration), allowed) << "nothing to limit";

  wanted.rate_kbytes_per_s = rate;
  network->add_port(wanted);
  network->activate_port(wanted.uuid);
  network->activate_port(wanted.uuid);
  ASSERT_TRUE(host->find("ifb00000001"));
  const std::int64_t limited = flood(*one, *two, duration);
  EXPECT_LT(limited, allowed);
  EXPECT_GT(limited, allowed / 4) << "limited too much";
  EXPECT_GT(flood(*two, *one, duration), allowed) << "the other direction is not limited";

  wanted.rate_kbytes_per_s = 0;
  network->add_port(wanted);
  network->activate_port(wanted.uuid);
  EXPECT_FALSE(host->find("ifb00000001"));
  EXPECT_GT(flood(*one, *two, duration), allowed);
}

TEST_P(SwitchPorts, ARemovedPortLeavesNothing) {
  PortSpec wanted = port(1, net);
  if (!is_ovs()) wanted.rate_kbytes_per_s = 100;
  plug(wanted, true);
  network->activate_port(wanted.uuid);
  EXPECT_EQ(bridge_of("tap00000001"), "xenbr1");
  EXPECT_EQ(host->find("ifb00000001").has_value(), !is_ovs());
  network->remove_port(wanted.uuid);
  EXPECT_FALSE(host->find("tap00000001"));
  EXPECT_FALSE(host->find("ifb00000001"));
  EXPECT_EQ(is_ovs() ? bridge_of("tap00000001") : "", "");
}

TEST_P(SwitchPorts, ADeviceThatIsNotAPortIsNotRemoved) {
  const PortSpec wanted = port(1, net);
  network->add_port(wanted);
  sh("ip link add tap00000001 type veth peer name theirs");
  network->remove_port(wanted.uuid);
  EXPECT_TRUE(host->find("tap00000001"));
}

}  // namespace
}  // namespace xcp::network
