// SPDX-License-Identifier: GPL-2.0-or-later
// What was acknowledged survives a kill at any moment, guests go on, and a full disk changes
// nothing.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <sstream>
#include <thread>

#include "base/fd.hpp"
#include "base/ref.hpp"
#include "fixture.hpp"
#include "hypervisor/sim/journal.hpp"
#include "hypervisor/sim/record.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

const std::string first_uuid = "11111111-2222-4333-8444-555555555555";

SimSettings kept_settings(const TemporaryDirectory& directory) {
  SimSettings settings = still_settings();
  settings.state_dir = directory.path();
  return settings;
}

// Runs `life` in a process of its own; what it writes to its descriptor is read by the caller.
struct Child {
  pid_t pid = -1;
  UniqueFd output;
};
Child in_child(const std::function<void(int out)>& life) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw system_failure("pipe", errno);
  const pid_t pid = fork();
  if (pid == 0) {
    int status = 1;
    try {
      life(ends[1]);
      status = 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    _exit(status);
  }
  UniqueFd write_end(ends[1]);
  return {pid, UniqueFd(ends[0])};
}
int status_of(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}
std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t n = read_some(fd, buffer.data(), buffer.size()))
    text.append(buffer.data(), n);
  return text;
}

TEST(SimDurability, EverythingIsThereAfterARestart) {
  const TemporaryDirectory directory;
  DomainState before;
  std::string epoch;
  {
    const auto sim = make_sim(kept_settings(directory));
    sim->build(small_vm(first_uuid));
    sim->unpause(first_uuid);
    sim->control("advance", {{"seconds", "60"}});
    NicSpec nic;
    nic.device = "1";
    nic.mac = "02:00:00:00:00:01";
    sim->plug_nic(first_uuid, nic);
    sim->set_vcpus(first_uuid, 3);
    sim->control("behaviour", {{"ignore_shutdown", "true"}});
    before = sim->domain(first_uuid).value();
    epoch = sim->events({}, 0, std::chrono::milliseconds(0)).epoch;
  }
  const auto sim = make_sim(kept_settings(directory));
  const DomainState after = sim->domain(first_uuid).value();
  EXPECT_EQ(after.domid, before.domid);
  EXPECT_EQ(after.power, DomainPower::running);
  EXPECT_EQ(after.vcpus, 3);
  ASSERT_EQ(after.nics.size(), 2u);
  EXPECT_EQ(after.nics[1].host_device, before.nics[1].host_device);
  EXPECT_EQ(after.start_time, before.start_time);
  EXPECT_TRUE(sim->guest(first_uuid).agent_alive);
  sim->shutdown(first_uuid, ShutdownKind::poweroff);
  sim->control("advance", {{"seconds", "60"}});
  EXPECT_TRUE(sim->domain(first_uuid).has_value()) << "orders are kept as well";
  EXPECT_NE(sim->events({}, 0, std::chrono::milliseconds(0)).epoch, epoch);
  VmSpec second = small_vm("aaaaaaaa-2222-4333-8444-555555555555");
  EXPECT_GT(sim->build(second).domid, after.domid) << "numbers are not used twice";
}

TEST(SimDurability, GuestsGoOnWhileNobodyLooks) {
  const TemporaryDirectory directory;
  SimSettings settings = kept_settings(directory);
  {
    const auto sim = make_sim(settings);
    sim->build(small_vm(first_uuid));
    sim->unpause(first_uuid);
  }
  // The next life begins an hour later.
  {
    sim::Journal journal(directory.path("domains.journal"));
    auto records = journal.load();
    auto host = sim::parse_entry(records.at(0)).host.value();
    host.clock_offset_ms += 3600 * 1000;
    journal.append(sim::host_entry(host));
  }
  const auto sim = make_sim(settings);
  sim->control("settle", {});
  EXPECT_TRUE(sim->guest(first_uuid).agent_alive);
}

TEST(SimDurability, GuestsDoNotSurviveAReboot) {
  const TemporaryDirectory directory;
  { make_sim(kept_settings(directory))->build(small_vm(first_uuid)); }
  {
    sim::Journal journal(directory.path("domains.journal"));
    auto host = sim::parse_entry(journal.load().at(0)).host.value();
    host.boot_id = "another";
    journal.append(sim::host_entry(host));
  }
  EXPECT_TRUE(make_sim(kept_settings(directory))->domains().empty());
}

TEST(SimDurability, AStateIsUsedByOneDriver) {
  const TemporaryDirectory directory;
  const auto sim = make_sim(kept_settings(directory));
  EXPECT_EQ(code_of([&] { make_sim(kept_settings(directory)); }), "INTERNAL_ERROR");
}

// Four threads build and destroy as fast as they can and say so; the process is killed in the
// middle of it, at another moment in each round.
TEST(SimDurability, NothingAcknowledgedIsLostByAKill) {
  for (const std::size_t kill_after : {1u, 20u, 100u, 333u, 1000u, 2500u}) {
    const TemporaryDirectory directory;
    const SimSettings settings = kept_settings(directory);
    Child child = in_child([&](int out) {
      const auto sim = make_sim(settings);
      const auto say = [&](const char* what, const std::string& uuid) {
        write_all(out, std::string(what) + " " + uuid + "\n");
      };
      std::vector<std::thread> threads;
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
          for (;;) {
            VmSpec kept = small_vm(make_uuid());
            kept.nics.clear();
            sim->build(kept);
            say("built", kept.uuid);
            VmSpec shortlived = kept;
            shortlived.uuid = make_uuid();
            sim->build(shortlived);
            say("built", shortlived.uuid);
            say("destroying", shortlived.uuid);
            sim->destroy(shortlived.uuid);
            say("destroyed", shortlived.uuid);
          }
        });
      for (std::thread& thread : threads) thread.join();
    });
    std::string said;
    std::array<char, 4096> buffer;
    while (said.size() < kill_after * 42) {
      const std::size_t n = read_some(child.output.get(), buffer.data(), buffer.size());
      ASSERT_NE(n, 0u);
      said.append(buffer.data(), n);
    }
    kill(child.pid, SIGKILL);
    said += read_to_end(child.output.get());
    EXPECT_TRUE(WIFSIGNALED(status_of(child.pid)));

    std::map<std::string, std::string> last;
    std::istringstream lines(said);
    for (std::string what, uuid; lines >> what >> uuid;) last[uuid] = what;
    const auto sim = make_sim(settings);
    std::size_t unspoken = sim->domains().size();
    for (const auto& [uuid, what] : last) {
      const bool there = sim->domain(uuid).has_value();
      if (what != "destroying") {
        EXPECT_EQ(there, what == "built") << uuid;
      }
      if (there) --unspoken;
    }
    EXPECT_LE(unspoken, 4u) << "at most one build a thread was not acknowledged yet";
  }
}

TEST(SimDurability, AKillAtAnyPointOfAnOperationLeavesOneOrTheOther) {
  struct Case {
    const char* method;
    std::function<void(Hypervisor&, const TemporaryDirectory&)> call;
    std::function<bool(Hypervisor&)> done;
  };
  const auto there = [](Hypervisor& sim) { return sim.domain(first_uuid).has_value(); };
  const std::vector<Case> cases{
      {"destroy", [](Hypervisor& sim, const auto&) { sim.destroy(first_uuid); },
       [&](Hypervisor& sim) { return !there(sim); }},
      {"pause", [](Hypervisor& sim, const auto&) { sim.pause(first_uuid); },
       [](Hypervisor& sim) { return sim.domain(first_uuid)->power == DomainPower::paused; }},
      {"save",
       [](Hypervisor& sim, const auto& directory) {
         sim.save(first_uuid, directory.path("memory"));
       },
       [&](Hypervisor& sim) { return !there(sim); }},
      {"checkpoint",
       [](Hypervisor& sim, const auto& directory) {
         DiskSpec image;
         image.path = "/disks/after";
         sim.checkpoint(first_uuid, directory.path("memory"), {{"0", image}});
       },
       [](Hypervisor& sim) { return sim.domain(first_uuid)->disks[0].path == "/disks/after"; }},
      {"unplug_disk", [](Hypervisor& sim, const auto&) { sim.unplug_disk(first_uuid, "0"); },
       [](Hypervisor& sim) { return sim.domain(first_uuid)->disks.size() == 1; }},
      {"set_vcpus", [](Hypervisor& sim, const auto&) { sim.set_vcpus(first_uuid, 4); },
       [](Hypervisor& sim) { return sim.domain(first_uuid)->vcpus == 4; }}};
  for (const Case& each : cases)
    for (const std::string point : {"before", "middle", "after"}) {
      const TemporaryDirectory directory;
      const SimSettings settings = kept_settings(directory);
      const Child child = in_child([&](int) {
        const auto sim = make_sim(settings);
        sim->build(small_vm(first_uuid));
        sim->unpause(first_uuid);
        sim->control("advance", {{"seconds", "60"}});
        sim->control("fault", {{"method", each.method}, {"kind", "kill"}, {"point", point}});
        each.call(*sim, directory);
      });
      ASSERT_TRUE(WIFSIGNALED(status_of(child.pid))) << each.method << " " << point;
      const auto sim = make_sim(settings);
      EXPECT_EQ(each.done(*sim), point == "after") << each.method << " " << point;
      if (point != "after") {
        EXPECT_EQ(sim->domain(first_uuid)->power, DomainPower::running) << each.method;
        EXPECT_FALSE(std::filesystem::exists(directory.path("memory")));
      }
    }
}

TEST(SimDurability, AFullDiskFailsTheCallAndNothingElse) {
  const TemporaryDirectory directory;
  const SimSettings settings = kept_settings(directory);
  // A limit on the size of files stands for the full disk, in a process of its own.
  const Child child = in_child([&](int) {
    const auto require = [](bool truth, const char* what) {
      if (!truth) throw internal_error(what);
    };
    const std::string second = "aaaaaaaa-2222-4333-8444-555555555555";
    signal(SIGXFSZ, SIG_IGN);
    const auto sim = make_sim(settings);
    sim->build(small_vm(first_uuid));
    sim->unpause(first_uuid);
    sim->control("advance", {{"seconds", "60"}});
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    // Room for half a record.
    limit.rlim_cur = std::filesystem::file_size(directory.path("domains.journal")) + 200;
    setrlimit(RLIMIT_FSIZE, &limit);
    require(code_of([&] { sim->build(small_vm(second)); }) == "INTERNAL_ERROR", "build");
    require(!sim->domain(second), "a failed build left a domain");
    require(code_of([&] { sim->set_vcpus(first_uuid, 4); }) == "INTERNAL_ERROR", "set_vcpus");
    require(sim->domain(first_uuid)->vcpus == 2, "a failed change was made");
    sim->shutdown(first_uuid, ShutdownKind::poweroff);
  });
  // The shutdown could not be stored either, which is a failure of that call.
  EXPECT_EQ(WEXITSTATUS(status_of(child.pid)), 1);
  const auto sim = make_sim(settings);
  EXPECT_EQ(sim->domains().size(), 1u);
  EXPECT_EQ(sim->domain(first_uuid)->vcpus, 2);
}

TEST(SimDurability, WhatGuestsDoOnAFullDiskIsKeptWhenThereIsSpace) {
  const TemporaryDirectory directory;
  const SimSettings settings = kept_settings(directory);
  const Child child = in_child([&](int) {
    signal(SIGXFSZ, SIG_IGN);
    const auto sim = make_sim(settings);
    sim->build(small_vm(first_uuid));
    sim->unpause(first_uuid);
    sim->control("advance", {{"seconds", "60"}});
    sim->shutdown(first_uuid, ShutdownKind::poweroff);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t unlimited = limit.rlim_cur;
    limit.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &limit);
    // The order itself is stored too and fails; the guest is off all the same.
    code_of([&] { sim->control("advance", {{"seconds", "60"}}); });
    if (sim->domain(first_uuid)) throw internal_error("the guest did not end");
    limit.rlim_cur = unlimited;
    setrlimit(RLIMIT_FSIZE, &limit);
    sim->build(small_vm("aaaaaaaa-2222-4333-8444-555555555555"));
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(status_of(child.pid)));
  const auto sim = make_sim(settings);
  EXPECT_FALSE(sim->domain(first_uuid).has_value());
  EXPECT_EQ(sim->domains().size(), 1u);
}

}  // namespace
}  // namespace xcp::hypervisor
