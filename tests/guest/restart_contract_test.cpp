// SPDX-License-Identifier: GPL-2.0-or-later
// The daemon is ended, killed and started again, at rest and in the middle of its work: guests do
// not notice, everything is seen again, nothing is left behind.
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;

class RestartContract : public ContractTest {
 protected:
  void kill_and_start() {
    world().daemon->end(SIGKILL);
    world().daemon->start();
  }
};

// Processes that name the test's state directory and are not the daemon: QEMU and what belongs to
// it.
std::vector<int> processes_of_guests() {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == world().daemon->pid() || pid == getpid()) continue;
    try {
      const auto words = read_file(entry.path().string() + "/cmdline");
      if (words && words->find(world().daemon->state_directory()) != std::string::npos)
        found.push_back(pid);
    } catch (const Failure&) {
      // It ended while we looked.
    }
  }
  return found;
}

// Files of the state directory that belong to domains, as paths below it.
std::vector<std::string> files_of_guests() {
  std::vector<std::string> found;
  const std::string base = world().daemon->state_directory();
  for (const char* part : {"/sockets", "/consoles", "/pending", "/nvram"}) {
    if (!std::filesystem::exists(base + part)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(base + part))
      found.push_back(entry.path().string().substr(base.size()));
  }
  return found;
}

TEST_F(RestartContract, GuestsDoNotNotice) {
  VmSpec spec = small_guest();
  spec.disks = {disk("0", raw_image("zero"))};
  spec.nics = {user_nic("0")};
  if (!world().xen) spec.nics[0].forwards = {{0, 80}};
  start(spec);
  const DomainState before = state();
  const auto processes = processes_of_guests();
  std::string epoch = hv().events("", 0, std::chrono::milliseconds(0)).epoch;
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    guest.run("remembered=cherry");
  }
  for (const int signal_number : {SIGKILL, SIGTERM, SIGKILL}) {
    const int status = world().daemon->end(signal_number);
    EXPECT_EQ(status, signal_number == SIGTERM ? 0 : 128 + SIGKILL);
    EXPECT_EQ(processes_of_guests(), processes);
    const auto begun = std::chrono::steady_clock::now();
    world().daemon->start();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
    const DomainState after = state();
    EXPECT_EQ(after.power, DomainPower::running);
    EXPECT_EQ(after.domid, before.domid);
    EXPECT_EQ(after.start_time, before.start_time);
    if (!world().xen) {
      EXPECT_EQ(after.nics.at(0).forwards.at(0).host_port, before.nics[0].forwards[0].host_port);
    }
    EXPECT_EQ(after.disks.at(0).path, before.disks[0].path);
    const EventBatch batch = hv().events(epoch, 0, std::chrono::milliseconds(0));
    EXPECT_NE(batch.epoch, epoch);
    EXPECT_EQ(batch.events.at(0).kind, EventKind::resync);
    epoch = batch.epoch;
    wait_until("the agent is seen again", [&] { return hv().guest(uuid_).agent_alive; });
  }
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");  // printed before the kills
    EXPECT_NE(guest.run("echo \"I-know\"-$remembered").find("I-know-cherry"), std::string::npos);
  }
  // It can still do everything.
  hv().plug_disk(uuid_, disk("1", raw_image("one")));
  hv().unplug_disk(uuid_, "1");
  EventReader events(hv());
  hv().shutdown(uuid_, ShutdownKind::poweroff);
  events.wait_for(EventKind::ended_shutdown, uuid_);
  wait_until("nothing is left", [] { return files_of_guests().empty(); });
  EXPECT_THAT(processes_of_guests(), testing::IsEmpty());
}

TEST_F(RestartContract, APausedDomainStaysPaused) {
  hv().build(small_guest());
  kill_and_start();
  EXPECT_EQ(state().power, DomainPower::paused);
  hv().unpause(uuid_);
  EXPECT_EQ(state().power, DomainPower::running);
}

TEST_F(RestartContract, WhatEndedMeanwhileIsGone) {
  if (world().xen) GTEST_SKIP() << "the guest is no process";
  if (!world().real_guests) GTEST_SKIP() << "simulated guests stand still while the daemon is away";
  start(small_guest());
  ASSERT_EQ(processes_of_guests().size(), 1u);
  const int qemu = processes_of_guests()[0];
  world().daemon->end(SIGKILL);
  kill(qemu, SIGKILL);
  world().daemon->start();
  wait_until("the domain is gone", [&] { return !hv().domain(uuid_); });
  wait_until("nothing is left", [] { return files_of_guests().empty(); });
  start(small_guest());
}

TEST_F(RestartContract, AQemuThatDiesIsACrash) {
  if (world().xen) GTEST_SKIP() << "the guest is no process";
  if (!world().real_guests) GTEST_SKIP() << "there is no process of a guest";
  hv().build(small_guest());
  hv().unpause(uuid_);
  EventReader events(hv());
  kill(processes_of_guests().at(0), SIGKILL);
  events.wait_for(EventKind::ended_crash, uuid_);
  wait_until("nothing is left", [] { return files_of_guests().empty(); });
}

TEST_F(RestartContract, AFailedBuildLeavesNothing) {
  if (!world().real_guests) GTEST_SKIP() << "the sim's own tests cover this";
  VmSpec spec = small_guest();
  if (!world().xen) spec.firmware = Firmware::uefi;
  spec.nvram_path = files_ + "/variables.fd";
  spec.disks = {disk("0", files_ + "/is-not-there")};
  EventReader events(hv());
  try {
    hv().build(spec);
    ADD_FAILURE() << "it was built";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "INTERNAL_ERROR");
    EXPECT_THAT(failure.params().at(0), testing::HasSubstr("is-not-there"));
    EXPECT_THAT(failure.params().at(0), testing::HasSubstr(uuid_));
  }
  EXPECT_FALSE(std::filesystem::exists(spec.nvram_path));
  EXPECT_THAT(files_of_guests(), testing::IsEmpty());
  EXPECT_THAT(processes_of_guests(), testing::IsEmpty());
  EXPECT_THAT(events.pending(), testing::IsEmpty());
}

// A plug takes a few dozen milliseconds; whatever was reached, the disk can be unplugged and
// plugged again afterwards.
TEST_F(RestartContract, KilledWhileADiskIsPlugged) {
  start(small_guest());
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  raw_image("one");
  for (int round = 0; round < 15; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const auto other = world().daemon->another_client();
    std::thread work([&] {
      try {
        other->plug_disk(uuid_, disk("1", files_ + "/one"));
      } catch (const Failure&) {
        // The daemon went away under it.
      }
    });
    usleep(static_cast<useconds_t>(random() % 100000));
    kill_and_start();
    work.join();
    const bool plugged = !state().disks.empty();
    if (plugged) {
      EXPECT_EQ(state().disks[0].path, files_ + "/one");
    }
    hv().unplug_disk(uuid_, "1");
    EXPECT_TRUE(state().disks.empty());
    hv().plug_disk(uuid_, disk("1", files_ + "/one"));
    EXPECT_EQ(state().disks.size(), 1u);
    hv().unplug_disk(uuid_, "1");
  }
  hv().save(uuid_, files_ + "/saved");
}

// Kills at random moments of build, plug, save and destroy. The seed is printed.
TEST_F(RestartContract, KilledInTheMiddleOfItsWork) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const int rounds = 12;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    VmSpec spec = small_guest();
    spec.disks = {disk("0", raw_image("zero"))};
    spec.nics = {user_nic("0")};
    if (!world().xen) {
      spec.nics[0].forwards = {{0, 80}};
      spec.firmware = Firmware::uefi;
      spec.nvram_path = files_ + "/variables.fd";
    }
    const std::string saved = files_ + "/saved-" + std::to_string(round);
    raw_image("one");
    const auto other = world().daemon->another_client();
    std::thread work([&] {
      try {
        other->build(spec);
        other->unpause(uuid_);
        other->plug_disk(uuid_, disk("1", files_ + "/one"));
        other->save(uuid_, saved);
      } catch (const Failure&) {
        // The daemon went away under it.
      }
    });
    usleep(static_cast<useconds_t>(random() % 2500000));
    world().daemon->end(SIGKILL);
    work.join();
    world().daemon->start();

    if (world().real_guests && !world().xen)
      wait_until("libvirt knows what lives",
                 [&] { return hv().domains().size() == processes_of_guests().size(); });
    const auto domains = hv().domains();
    if (!domains.empty()) {
      EXPECT_TRUE(domains[0].ours);
      if (std::filesystem::exists(saved)) {
        ADD_FAILURE() << "half a saved image beside the guest";
      }
      // Either the disk is there, whoever knows of it, or it can be plugged: nothing of half a plug
      // is in the way.
      if (state().disks.size() == 1) hv().plug_disk(uuid_, disk("1", files_ + "/one"));
      hv().unpause(uuid_);
      hv().destroy(uuid_);
    } else if (std::filesystem::exists(saved)) {
      // Only a whole image may be there: the guest is in it.
      spec.disks.push_back(disk("1", files_ + "/one"));
      hv().restore(spec, saved);
      hv().destroy(uuid_);
    } else {
      EXPECT_FALSE(std::filesystem::exists(spec.nvram_path));
    }
    unlink(saved.c_str());
    unlink(spec.nvram_path.c_str());
    wait_until("nothing is left",
               [] { return files_of_guests().empty() && processes_of_guests().empty(); });
  }
}

}  // namespace
}  // namespace xcp::test
