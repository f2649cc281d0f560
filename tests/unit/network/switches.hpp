// SPDX-License-Identifier: GPL-2.0-or-later
// A host whose networks are real: each test runs over every backend that makes devices, and does
// what others do to these devices with the words of that backend.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "namespaces.hpp"

namespace xcp::network {

class SwitchTest : public HostTest, public testing::WithParamInterface<Backend> {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    network = make(GetParam());
  }
  void restart() {
    network.reset();
    network = make(GetParam());
  }
  bool is_ovs() const { return GetParam() == Backend::openvswitch; }
  Link link(const std::string& name) { return host->find(name).value(); }

  // All of this backend's kind, whoever made them.
  std::set<std::string> bridges();
  // The bridge that a device is a port of; empty: none.
  std::string bridge_of(const std::string& device);
  // The uuid of the network whose mark a bridge bears; empty: none.
  std::string mark_of_bridge(const std::string& bridge);

  // What an administrator does.
  void add_bridge(const std::string& name, const std::string& network_uuid = {});
  void delete_bridge(const std::string& name);
  void unmark(const std::string& bridge);
  void put_in(const std::string& device, const std::string& bridge);
  void take_out(const std::string& device);

  std::unique_ptr<LocalNetwork> network;
};

inline std::string name_of_backend(const testing::TestParamInfo<Backend>& instance) {
  return boost::describe::enum_to_string(instance.param, "?");
}
#define XCP_OVER_ALL_SWITCHES(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(Over, suite, testing::Values(Backend::bridge, Backend::openvswitch), \
                           name_of_backend)

}  // namespace xcp::network
