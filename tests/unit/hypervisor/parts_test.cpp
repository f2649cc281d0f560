// SPDX-License-Identifier: GPL-2.0-or-later
// The small parts: event history, per-domain locks, records of pending work, host facts, waits.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "hypervisor/driver.hpp"
#include "hypervisor/event_log.hpp"
#include "hypervisor/keyed_locks.hpp"
#include "hypervisor/libvirt/short_path.hpp"
#include "hypervisor/libvirt/signals.hpp"
#include "hypervisor/machine.hpp"
#include "hypervisor/pending.hpp"
#include "hypervisor/placement.hpp"
#include "hypervisor/spec_check.hpp"

namespace xcp::hypervisor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(EventLog, HistoryIsBoundedAndALossIsTold) {
  EventLog log(3);
  const std::string epoch = log.epoch();
  EXPECT_EQ(log.read("", 0, milliseconds(0)).events.at(0).kind, EventKind::resync);
  for (int i = 1; i <= 5; ++i) log.append(EventKind::changed, std::to_string(i));
  EventBatch batch = log.read(epoch, 2, milliseconds(0));
  ASSERT_EQ(batch.events.size(), 3u);
  EXPECT_EQ(batch.events[0].id, 3u);
  EXPECT_EQ(batch.events[0].uuid, "3");
  EXPECT_EQ(batch.last, 5u);
  batch = log.read(epoch, 1, milliseconds(0));
  ASSERT_EQ(batch.events.size(), 1u) << "event 2 is forgotten";
  EXPECT_EQ(batch.events[0].kind, EventKind::resync);
  EXPECT_EQ(log.read(epoch, 9, seconds(60)).events.at(0).kind, EventKind::resync);
  EXPECT_TRUE(log.read(epoch, 5, milliseconds(1)).events.empty());
}

TEST(EventLog, CloseEndsAWait) {
  EventLog log;
  std::thread closer([&] { log.close(); });
  EXPECT_TRUE(log.read(log.epoch(), 0, seconds(60)).events.empty());
  closer.join();
}

TEST(Placement, MasksOfAllAndOfOneVirtualCpu) {
  using List = std::vector<int>;
  EXPECT_TRUE(read_placement({}, 2).affinity.empty());
  EXPECT_EQ(read_placement({{"mask", "5,1-3"}}, 2).affinity,
            (std::vector<List>{{1, 2, 3, 5}, {1, 2, 3, 5}}));
  EXPECT_EQ(read_placement({{"mask1", "0"}, {"mask7", "1"}}, 2).affinity,
            (std::vector<List>{{}, {0}}));
  EXPECT_EQ(read_placement({{"mask", "1"}, {"mask1", "0"}}, 2).affinity,
            (std::vector<List>{{1}, {0}}));
  const Placement share = read_placement({{"weight", "512"}, {"cap", "50"}, {"other", "x"}}, 1);
  EXPECT_EQ(share.weight, 512);
  EXPECT_EQ(share.cap, 50);
  EXPECT_FALSE(read_placement({{"mask", "1"}}, 1).weight);
}

TEST(Placement, NonsenseNamesTheKeyAndTheValue) {
  for (const char* text : {"", ",", "1,", "a", "3-1", "-1", "1-", "4096", "99999999999", "1 2"}) {
    try {
      read_placement({{"mask0", text}}, 1);
      FAIL() << text;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), "INVALID_VALUE");
      EXPECT_EQ(failure.params(), (std::vector<std::string>{"VCPUs_params:mask0", text}));
    }
  }
  EXPECT_THROW(read_placement({{"weight", "0"}}, 1), Failure);
  EXPECT_THROW(read_placement({{"cap", "-1"}}, 1), Failure);
}

TEST(KeyedLocks, OneAfterTheOtherForAKeySideBySideForTwo) {
  KeyedLocks locks;
  int counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        const auto hold = locks.hold("a");
        ++counter;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 4000);
  const auto first = locks.hold("a");
  const auto second = locks.hold("b");
}

TEST(Signals, AWaitSeesWhatCameAfterItWasOpened) {
  libvirt::Signals signals;
  signals.raise("a", "too early");
  libvirt::Signals::Wait wait(signals, "a");
  libvirt::Signals::Wait other(signals, "b");
  signals.raise("a", "first");
  signals.raise("a", "second");
  EXPECT_EQ(wait.get(milliseconds(0)), "first");
  EXPECT_EQ(other.get(milliseconds(1)), std::nullopt);
  std::thread raiser([&] { signals.raise("b", "now"); });
  EXPECT_EQ(other.get(seconds(60)), "now");
  raiser.join();
}

TEST(Pending, WhatWasNotFinishedIsFoundAndItsFilesGo) {
  char name[] = "/tmp/xcp-pending-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = name;
  const auto make = [&](const std::string& file) {
    write_file_durably(directory + "/" + file, "x");
    return directory + "/" + file;
  };
  {
    PendingRecord failed(directory, {PendingKind::build, "failed", {make("nvram")}});
    EXPECT_EQ(left_over(directory).size(), 1u) << "a killed process would leave it";
  }
  EXPECT_FALSE(std::filesystem::exists(directory + "/nvram"));
  {
    PendingRecord good(directory, {PendingKind::save, "good", {make("memory")}});
    good.done();
  }
  EXPECT_TRUE(std::filesystem::exists(directory + "/memory"));
  EXPECT_TRUE(left_over(directory).size() == 0);
  std::filesystem::remove_all(directory);
}

TEST(Host, CpuAndMemory) {
  const auto cpu = read_cpu(
      "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 23\nmodel\t\t: 49\n"
      "model name\t: AMD EPYC 7\nstepping\t: 0\ncpu MHz\t\t: 2250.1\nphysical id\t: 0\nflags\t\t: "
      "fpu svm\n\n"
      "processor\t: 1\nphysical id\t: 1\nmodel name\t: another\n");
  EXPECT_EQ(cpu.at("cpu_count"), "2");
  EXPECT_EQ(cpu.at("socket_count"), "2");
  EXPECT_EQ(cpu.at("vendor"), "AuthenticAMD");
  EXPECT_EQ(cpu.at("modelname"), "AMD EPYC 7");
  EXPECT_EQ(cpu.at("model"), "49");
  EXPECT_EQ(cpu.at("flags"), "fpu svm");
  EXPECT_EQ(read_cpu("").at("cpu_count"), "0");
  const auto memory =
      read_memory("MemTotal:  2048 kB\nMemFree: 5 kB\nMemAvailable:  1024 kB\nHugePages: 0\n");
  EXPECT_EQ(memory.total_bytes, 2048 << 10);
  EXPECT_EQ(memory.free_bytes, 1024 << 10);
}

TEST(ShortPath, ALongDirectoryGetsAShortName) {
  EXPECT_EQ(libvirt::ShortPath("/var/lib/xcp/hypervisor").str(), "/var/lib/xcp/hypervisor");
  char name[] = "/tmp/xcp-short-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string directory = std::string(name) + "/" + std::string(60, 'd');
  std::filesystem::create_directories(directory);
  std::string link;
  {
    const libvirt::ShortPath path(directory);
    link = path.str();
    EXPECT_LT(link.size(), 30u);
    write_file_durably(link + "/file", "content");
    EXPECT_EQ(read_file(directory + "/file"), "content");
    EXPECT_NE(libvirt::ShortPath(directory + "x").str(), link);
  }
  EXPECT_FALSE(std::filesystem::is_symlink(link));
  EXPECT_EQ(libvirt::ShortPath(directory).str(), link) << "the same again";
  std::filesystem::remove_all(name);
}

TEST(Driver, AMissingModuleIsNamed) {
  try {
    load_driver("absent", "/nowhere", {});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_NE(failure.params().at(0).find("absent"), std::string::npos);
  }
}

TEST(SpecCheck, TapNamesThatLibvirtWouldDropAreRefused) {
  NicSpec nic;
  nic.device = "0";
  nic.mac = "52:54:00:00:00:01";
  nic.backing = NicBacking::user;
  EXPECT_NO_THROW(check_nic(nic));
  for (const char* name : {"vif1.0", "vnet3", "macvtap0", "a-name-of-16-let"}) {
    nic.host_device = name;
    EXPECT_THROW(check_nic(nic), Failure) << name;
  }
  nic.host_device = "tap1.0";
  EXPECT_NO_THROW(check_nic(nic));
  nic.forwards = {{0, 0}};
  EXPECT_THROW(check_nic(nic), Failure);
}

}  // namespace
}  // namespace xcp::hypervisor
