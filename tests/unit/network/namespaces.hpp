// SPDX-License-Identifier: GPL-2.0-or-later
// A host for each test: a network namespace of its own with two cables, eth0 (with an address and
// the default route) and eth1 (bare), whose other ends are wire0 and wire1; and taps that stand for
// guests. The machine's own network is never seen. A kernel without bridges, or a user who may not
// make namespaces, fails every test here loudly.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "openvswitch.hpp"
#include "ovs-integration/host/links.hpp"
#include "ovs-integration/local_network.hpp"
#include "temporary_directory.hpp"

namespace xcp::network {

// Runs a program to its end, words separated by blanks; fails the test when it fails.
std::string sh(const std::string& command);

// The guest's end of a tap, and its raw packets.
class Tap {
 public:
  // Vanishes with the object unless persistent.
  explicit Tap(const std::string& name, bool persistent = false);
  void send(std::string_view frame);
  // The next frame with this EtherType; empty when none came in time.
  std::string receive(unsigned ether_type, std::chrono::milliseconds timeout);
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

// A frame to everybody, of an EtherType for experiments.
constexpr unsigned test_ether_type = 0x88b5;
std::string broadcast_frame(const std::string& payload);

// Frames as they leave the other end of a cable.
class Wire {
 public:
  explicit Wire(const std::string& device);
  std::string receive(std::chrono::milliseconds timeout);

 private:
  UniqueFd fd_;
};

class HostTest : public testing::Test {
 protected:
  void SetUp() override;

  // For Open vSwitch, one is started first.
  NetworkSettings settings(Backend backend = Backend::bridge);
  std::unique_ptr<LocalNetwork> make(Backend backend = Backend::bridge) {
    return std::make_unique<LocalNetwork>(settings(backend));
  }
  NetworkSpec spec(const std::string& bridge, const std::string& uplink = {}) const;
  PortSpec port(int number, const NetworkSpec& network) const;

  const TemporaryDirectory directory;
  std::unique_ptr<HostLinks> host;
  std::unique_ptr<OpenVswitch> ovs;
  const std::string uuid = "11111111-2222-4333-8444-555555555555";
  const std::string other_uuid = "aaaaaaaa-2222-4333-8444-555555555555";
};

}  // namespace xcp::network
