// SPDX-License-Identifier: GPL-2.0-or-later
// See namespaces.hpp.
#include "namespaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/process.hpp"

namespace xcp::network {

namespace {

// The whole program gets mounts of its own, so that /sys can show each test's namespace. Whoever is
// not root becomes root of a user namespace first.
class OwnMounts : public testing::Environment {
 public:
  void SetUp() override {
    const unsigned uid = geteuid();
    const unsigned gid = getegid();
    if (uid != 0) {
      ASSERT_EQ(unshare(CLONE_NEWUSER), 0) << "no user namespaces: " << std::strerror(errno);
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << "0 " << uid << " 1";
      std::ofstream("/proc/self/gid_map") << "0 " << gid << " 1";
    }
    ASSERT_EQ(unshare(CLONE_NEWNS), 0) << "no mount namespaces: " << std::strerror(errno);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
  }
};
const testing::Environment* const own_mounts = testing::AddGlobalTestEnvironment(new OwnMounts);

void set_name(ifreq& request, const std::string& name) {
  std::strncpy(request.ifr_name, name.c_str(), sizeof(request.ifr_name) - 1);
}

}  // namespace

std::string sh(const std::string& command) {
  Command program;
  std::istringstream words(command);
  for (std::string word; words >> word;) program.argv.push_back(word);
  const Outcome outcome = run(program);
  EXPECT_EQ(outcome.exit_status, 0) << command << ": " << outcome.errors;
  return outcome.output;
}

// ---- taps and wires -----------------------------------------------------------------------------

Tap::Tap(const std::string& name, bool persistent)
    : fd_(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)) {
  if (!fd_) throw system_failure("open /dev/net/tun", errno);
  ifreq request{};
  set_name(request, name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(fd_.get(), TUNSETIFF, &request) != 0) throw system_failure("make tap " + name, errno);
  if (persistent && ioctl(fd_.get(), TUNSETPERSIST, 1) != 0)
    throw system_failure("keep tap " + name, errno);
}

void Tap::send(std::string_view frame) {
  if (write(fd_.get(), frame.data(), frame.size()) != static_cast<ssize_t>(frame.size()))
    throw system_failure("send a frame", errno);
}

std::string Tap::receive(unsigned ether_type, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::array<char, 65536> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (!wait_readable(fd_.get(), std::max(left, std::chrono::milliseconds(0)))) return {};
    const ssize_t n = read(fd_.get(), buffer.data(), buffer.size());
    if (n < ETH_HLEN) continue;
    const std::string_view frame(buffer.data(), static_cast<std::size_t>(n));
    const unsigned type =
        static_cast<unsigned char>(frame[12]) << 8 | static_cast<unsigned char>(frame[13]);
    if (type == ether_type) return std::string(frame.substr(ETH_HLEN));
  }
}

std::string broadcast_frame(const std::string& payload) {
  std::string frame(6, '\xff');
  frame += std::string("\x02\x00\x00\x00\x00\x01", 6);
  frame += static_cast<char>(test_ether_type >> 8);
  frame += static_cast<char>(test_ether_type & 0xff);
  return frame + payload;
}

Wire::Wire(const std::string& device)
    : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(test_ether_type))) {
  if (!fd_) throw system_failure("packet socket", errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(test_ether_type);
  address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw system_failure("bind to " + device, errno);
}

std::string Wire::receive(std::chrono::milliseconds timeout) {
  if (!wait_readable(fd_.get(), timeout)) return {};
  std::array<char, 65536> buffer;
  const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  return n < ETH_HLEN
             ? std::string()
             : std::string(buffer.data() + ETH_HLEN, static_cast<std::size_t>(n) - ETH_HLEN);
}

// ---- a host -------------------------------------------------------------------------------------

void HostTest::SetUp() {
  // Of this thread and those it will start: the drivers' threads of the last test are gone.
  ASSERT_EQ(unshare(CLONE_NEWNET), 0)
      << "cannot make a network namespace (" << std::strerror(errno)
      << "): these tests need root or user namespaces, and prove nothing without";
  ASSERT_EQ(mount("none", "/sys", "sysfs", 0, nullptr), 0) << std::strerror(errno);
  sh("ip link set lo up");
  Command probe;
  probe.argv = {"ip", "link", "add", "probe0", "type", "bridge"};
  ASSERT_EQ(run(probe).exit_status, 0) << "THIS KERNEL HAS NO LINUX BRIDGES: the bridge backend "
                                          "cannot be tested and does not work here";
  sh("ip link del probe0");
  for (const std::string number : {"0", "1"}) {
    sh("ip link add eth" + number + " type veth peer name wire" + number);
    sh("ip link set eth" + number + " up");
    sh("ip link set wire" + number + " up");
  }
  sh("ip addr add 192.0.2.10/24 dev eth0");
  sh("ip route add default via 192.0.2.1 dev eth0");
  host = std::make_unique<HostLinks>();
}

NetworkSettings HostTest::settings(Backend backend) {
  NetworkSettings settings;
  if (backend == Backend::openvswitch) {
    if (!ovs) ovs = std::make_unique<OpenVswitch>(directory.path("ovs"));
    settings.ovs.socket = ovs->socket();
    settings.ovs.datapath_type = "netdev";
  }
  settings.state_dir = directory.path("state");
  settings.backend = backend;
  settings.nic_sources.also_nics = {"eth0", "eth1", "eth2"};
  return settings;
}

NetworkSpec HostTest::spec(const std::string& bridge, const std::string& uplink) const {
  NetworkSpec spec;
  spec.uuid = uuid;
  spec.name = "network of the test";
  spec.bridge = bridge;
  spec.uplink = uplink;
  return spec;
}

PortSpec HostTest::port(int number, const NetworkSpec& network) const {
  PortSpec port;
  port.uuid = fmt::format("{:08x}-0000-4000-8000-000000000000", number);
  port.network = network.uuid;
  port.vm = "99999999-2222-4333-8444-555555555555";
  port.device = std::to_string(number);
  port.mac = fmt::format("02:00:00:00:{:02x}:{:02x}", number >> 8 & 0xff, number & 0xff);
  return port;
}

}  // namespace xcp::network
