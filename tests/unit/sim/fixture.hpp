// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of the simulated hypervisor share: a driver whose time moves only when told,
// specs, and a reader of its events.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "hypervisor/hypervisor.hpp"
#include "hypervisor/sim/sim.hpp"

namespace xcp::hypervisor {

// A directory of its own, removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path(const std::string& name = {}) const;

 private:
  std::filesystem::path path_;
};

// Calls take no time, guests the defaults, the clock stands.
SimSettings still_settings();

// One disk, one CD drive, one NIC on a bridge, 2 of 4 vCPUs, 1 GiB of memory.
VmSpec small_vm(const std::string& uuid);

// The code of the Failure `action` throws; "" when it throws none.
std::string code_of(const std::function<void()>& action);
std::vector<std::string> params_of(const std::function<void()>& action);

// Reads events from where it was made.
class EventReader {
 public:
  explicit EventReader(Hypervisor& hypervisor);
  // All that have happened since the last call, as "kind uuid".
  std::vector<std::string> all();
  // Waits for an event of this kind; fails the test after ten seconds.
  void wait_for(EventKind kind, const std::string& uuid);

 private:
  Hypervisor& hypervisor_;
  std::string epoch_;
  std::uint64_t after_ = 0;
};

class SimTest : public testing::Test {
 protected:
  SimTest() : sim(make_sim(still_settings())), events(*sim) {}

  void advance(int seconds) { sim->control("advance", {{"seconds", std::to_string(seconds)}}); }
  void settle() { sim->control("settle", {}); }
  // Built, running, booted, its agent up; its events read.
  void start(const VmSpec& spec);
  DomainState state_of(const std::string& whom) { return sim->domain(whom).value(); }

  std::unique_ptr<Hypervisor> sim;
  EventReader events;
  const std::string uuid = "11111111-2222-4333-8444-555555555555";
  const std::string other_uuid = "aaaaaaaa-2222-4333-8444-555555555555";
};

}  // namespace xcp::hypervisor
