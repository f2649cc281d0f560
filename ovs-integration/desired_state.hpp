// SPDX-License-Identifier: GPL-2.0-or-later
// What was asked for, in one file. A save returns when its change is durable; saves that come while
// one is being written share the next write, so a storm of them costs few.
#pragma once

#include <boost/describe.hpp>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "ovs-integration/network.hpp"

namespace xcp::network {

struct NetworkRecord {
  NetworkSpec spec;           // with the bridge's name filled in
  int uplink_mtu_before = 0;  // given back when the uplink leaves; 0: not changed
};
BOOST_DESCRIBE_STRUCT(NetworkRecord, (), (spec, uplink_mtu_before))

struct PortRecord {
  PortSpec spec;
  std::string host_device;
};
BOOST_DESCRIBE_STRUCT(PortRecord, (), (spec, host_device))

struct DesiredState {
  int version = 1;
  std::map<std::string, NetworkRecord> networks;
  std::map<std::string, PortRecord> ports;
};
BOOST_DESCRIBE_STRUCT(DesiredState, (), (version, networks, ports))

class StateFile {
 public:
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  // Empty when there is no file. Throws INTERNAL_ERROR for one that cannot be understood.
  DesiredState load() const;

  // Call with `lock` held on the mutex that guards `desired`; it is released while the disk works.
  // Throws INTERNAL_ERROR when the state could not be written: the file is as it was, and the
  // caller takes its change back.
  void save(std::unique_lock<std::mutex>& lock, const DesiredState& desired);

 private:
  const std::string path_;
  std::condition_variable written_or_failed_;
  std::uint64_t wanted_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t failed_ = 0;
  std::string failure_;
  bool writing_ = false;
};

}  // namespace xcp::network
