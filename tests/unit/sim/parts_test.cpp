// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of the simulation that stand alone: time, durations, the journal.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/fd.hpp"
#include "fixture.hpp"
#include "hypervisor/sim/journal.hpp"
#include "hypervisor/sim/timeline.hpp"
#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor::sim {
namespace {

using Texts = std::vector<std::string>;

TEST(Timeline, AJumpHandsOutWakeUpsInOrderWithTheirTimes) {
  std::vector<std::pair<std::int64_t, std::int64_t>> woken;
  Timeline* running = nullptr;
  Timeline timeline(true, 1000, [&](std::int64_t key, std::int64_t due_ms) {
    woken.emplace_back(key, due_ms);
    if (key == 1) running->schedule(due_ms + 50, 9);  // follows from the first, before the others
  });
  running = &timeline;
  timeline.schedule(1300, 3);
  timeline.schedule(1100, 1);
  timeline.schedule(1100, 2);
  timeline.schedule(9000, 4);
  timeline.start();
  EXPECT_EQ(timeline.now_ms(), 1000);
  timeline.advance(500);
  EXPECT_EQ(timeline.now_ms(), 1500);
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {1, 1100}, {2, 1100}, {9, 1150}, {3, 1300}};
  EXPECT_EQ(woken, expected);
}

TEST(Timeline, SleepersWakeWhenTheirTimeIsThere) {
  Timeline timeline(true, 1000, [](std::int64_t, std::int64_t) {});
  timeline.start();
  std::int64_t woken_at = 0;
  std::thread sleeper([&] {
    timeline.sleep_until(2000);
    woken_at = timeline.now_ms();
  });
  timeline.advance(999);
  timeline.advance(1);
  sleeper.join();
  EXPECT_EQ(woken_at, 2000);
}

TEST(Timeline, RealTimeFlows) {
  std::mutex mutex;
  std::condition_variable condition;
  bool woken = false;
  Timeline timeline(false, 0, [&](std::int64_t, std::int64_t) {
    std::lock_guard lock(mutex);
    woken = true;
    condition.notify_all();
  });
  timeline.start();
  const std::int64_t due_ms = timeline.now_ms() + 30;
  timeline.schedule(due_ms, 1);
  std::unique_lock lock(mutex);
  EXPECT_TRUE(condition.wait_for(lock, std::chrono::seconds(10), [&] { return woken; }));
  EXPECT_GE(timeline.now_ms(), due_ms);
}

TEST(Timing, DrawsAreRepeatableAndInRange) {
  Timing timing(7, 1.0);
  timing.set("boot", "1000..2000");
  std::int64_t lowest = 5000, highest = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::int64_t ms = timing.draw(Duration::boot, "some-uuid", i);
    EXPECT_EQ(ms, timing.draw(Duration::boot, "some-uuid", i));
    lowest = std::min(lowest, ms);
    highest = std::max(highest, ms);
  }
  EXPECT_GE(lowest, 1000);
  EXPECT_LT(lowest, 1100);
  EXPECT_LE(highest, 2000);
  EXPECT_GT(highest, 1900);
  EXPECT_NE(Timing(8, 1.0).draw(Duration::boot, "some-uuid", 0),
            Timing(9, 1.0).draw(Duration::boot, "some-uuid", 0));
  timing.set_scale(0);
  EXPECT_EQ(timing.draw(Duration::boot, "some-uuid", 0), 0);
}

TEST(Settings, OptionsAreReadAndWrongOnesNamed) {
  const SimSettings settings = sim_settings(
      "/somewhere", {{"cpus", "8"}, {"manual_clock", "true"}, {"timing.boot", "1..2"}});
  EXPECT_EQ(settings.state_dir, "/somewhere");
  EXPECT_EQ(settings.cpus, 8);
  EXPECT_TRUE(settings.manual_clock);
  EXPECT_EQ(settings.timing.at("boot"), "1..2");
  for (const auto& [key, text] : std::vector<std::pair<std::string, std::string>>{
           {"cpus", "-1"}, {"time_scale", "nan"}, {"seed", "x"}, {"check_paths", "maybe"}})
    EXPECT_EQ(params_of([&] { sim_settings("", {{key, text}}); }), (Texts{key, text}));
  EXPECT_EQ(params_of([] {
              make_sim(sim_settings("", {{"timing.boot", "2..1"}}));
            }),
            (Texts{"timing.boot", "2..1"}));
}

TEST(Journal, KeepsWholeRecordsAndDropsATornOne) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("journal");
  {
    Journal journal(path);
    EXPECT_TRUE(journal.load().empty());
    journal.append("one");
    journal.append("two");
  }
  const std::string whole = read_file(path).value();
  for (std::size_t torn = 0; torn < whole.size() / 2; ++torn) {
    { std::ofstream(path, std::ios::binary) << whole << whole.substr(0, torn); }
    Journal journal(path);
    EXPECT_EQ(journal.load(), (Texts{"one", "two"})) << torn;
    journal.append("three");
    EXPECT_EQ(journal.load(), (Texts{"one", "two", "three"})) << torn;
  }
}

TEST(Journal, ReplacesEverythingAtOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("journal");
  Journal journal(path);
  journal.append("one");
  journal.append("two");
  journal.replace({"three"});
  journal.append("four");
  EXPECT_EQ(journal.load(), (Texts{"three", "four"}));
}

TEST(Journal, BelongsToOneProcess) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("journal");
  const Journal journal(path);
  EXPECT_EQ(code_of([&] { Journal second(path); }), "INTERNAL_ERROR");
}

}  // namespace
}  // namespace xcp::hypervisor::sim
