// SPDX-License-Identifier: GPL-2.0-or-later
// Thousands of domains and storms of calls. The bounds are loose enough for a busy machine and
// tight enough to notice work that grows with the number of domains.
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/ref.hpp"
#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

VmSpec numbered_vm(int number) {
  VmSpec spec = small_vm(make_uuid());
  spec.name = "vm " + std::to_string(number);
  spec.memory_target_bytes = spec.memory_static_max_bytes = std::int64_t{64} << 20;
  for (const char* device : {"1", "2", "4", "5"}) {
    DiskSpec disk = spec.disks[0];
    disk.device = device;
    spec.disks.push_back(disk);
  }
  return spec;
}

TEST(SimScale, AThousandDomainsAreSmallAndQuicklyRead) {
  constexpr int count = 3000;
  SimSettings settings = still_settings();
  const auto sim = make_sim(settings);
  malloc_trim(0);
  const std::int64_t before = resident_bytes();
  for (int i = 0; i < count; ++i) sim->unpause(sim->build(numbered_vm(i)).uuid);
  sim->control("advance", {{"seconds", "60"}});
  const std::int64_t each = (resident_bytes() - before) / count;
  RecordProperty("bytes_a_domain", std::to_string(each));
  if (!sanitized) {
    EXPECT_LT(each, 10 * 1024);
  }

  std::size_t alive = 0;
  for (const DomainState& state : sim->domains()) alive += sim->guest(state.uuid).agent_alive;
  EXPECT_EQ(alive, static_cast<std::size_t>(count));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(sim->stats().size(), static_cast<std::size_t>(count));
  if (!sanitized) {
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500));
  }
}

TEST(SimScale, AStormOfStartsIsNotHeldUpByTheDriver) {
  constexpr int count = 300;
  constexpr int callers = 32;
  const TemporaryDirectory directory;
  SimSettings settings;
  settings.state_dir = directory.path();
  settings.time_scale = 0;
  const auto sim = make_sim(settings);
  std::atomic<int> next{0};
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < callers; ++t)
    threads.emplace_back([&] {
      for (int i; (i = next++) < count;) {
        const VmSpec spec = numbered_vm(i);
        sim->build(spec);
        sim->unpause(spec.uuid);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("storm_ms", std::to_string(took / std::chrono::milliseconds(1)));
  EXPECT_EQ(sim->domains().size(), static_cast<std::size_t>(count));
  if (!sanitized) {
    EXPECT_LT(took, std::chrono::seconds(5));
  }
  sim->control("settle", {});
  for (const DomainState& state : sim->domains())
    EXPECT_TRUE(sim->guest(state.uuid).agent_alive) << state.uuid;
}

TEST(SimScale, DomainsAreBuiltSideBySide) {
  // Each build takes 200 ms of simulated time; one after the other they would take 6.4 s.
  SimSettings settings;
  settings.timing = {{"build", "200"}};
  const auto sim = make_sim(settings);
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) threads.emplace_back([&, i] { sim->build(numbered_vm(i)); });
  for (std::thread& thread : threads) thread.join();
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, std::chrono::milliseconds(200));
  EXPECT_LT(took, std::chrono::seconds(3));
}

TEST(SimScale, CallsFromAllSidesAgree) {
  SimSettings settings;
  settings.time_scale = 0;
  const auto sim = make_sim(settings);
  const std::int64_t all_free = sim->host().memory_free_bytes;
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  threads.emplace_back([&] {
    while (!stop) {
      sim->stats();
      sim->domains();
      sim->host();
    }
  });
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const VmSpec spec = numbered_vm(i);
        EventReader events(*sim);
        sim->build(spec);
        sim->unpause(spec.uuid);
        events.wait_for(EventKind::guest_facts, spec.uuid);
        sim->unplug_disk(spec.uuid, "1");
        if (i % 3 == 0) {
          sim->destroy(spec.uuid);
        } else {
          sim->shutdown(spec.uuid, ShutdownKind::poweroff);
          events.wait_for(EventKind::ended_shutdown, spec.uuid);
        }
      }
    });
  for (std::thread& worker : workers) worker.join();
  stop = true;
  threads[0].join();
  EXPECT_TRUE(sim->domains().empty());
  EXPECT_EQ(sim->host().memory_free_bytes, all_free);
}

}  // namespace
}  // namespace xcp::hypervisor
