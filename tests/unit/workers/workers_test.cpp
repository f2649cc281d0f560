// SPDX-License-Identifier: GPL-2.0-or-later
// Order and limits of the worker pool. A gate holds the only thread while the queues are filled, so
// the order of what follows is fixed.
#include "xapi/workers.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace xcp {
namespace {

using testing::ElementsAre;

WorkerSettings one_thread() {
  WorkerSettings settings;
  settings.threads = 1;
  return settings;
}

class WorkersTest : public testing::Test {
 protected:
  explicit WorkersTest(WorkerSettings settings = one_thread()) : workers_(settings) {}
  ~WorkersTest() override { open_gate(); }

  // Occupies one thread until the gate opens; returns once it does.
  void close_gate() {
    std::promise<void> entered;
    ASSERT_TRUE(workers_.submit("gate", Priority::Lifecycle, [&entered, gate = gate_] {
      entered.set_value();
      gate.wait();
    }));
    entered.get_future().wait();
  }
  void open_gate() {
    if (!std::exchange(open_, true)) opener_.set_value();
  }

  bool note(const std::string& client, Priority priority, std::string text) {
    const bool taken = workers_.submit(client, priority, [this, text = std::move(text)] {
      const std::lock_guard lock(mutex_);
      notes_.push_back(text);
      noted_.notify_all();
    });
    if (taken) ++taken_;
    return taken;
  }
  bool ask(const std::string& client, std::string text) {
    return note(client, Priority::Query, std::move(text));
  }
  bool act(const std::string& client, std::string text) {
    return note(client, Priority::Lifecycle, std::move(text));
  }

  // Opens the gate and waits until everything taken so far has run.
  std::vector<std::string> results() {
    open_gate();
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        noted_.wait_for(lock, std::chrono::seconds(20), [&] { return notes_.size() == taken_; }));
    return notes_;
  }

  std::promise<void> opener_;
  std::shared_future<void> gate_ = opener_.get_future().share();
  bool open_ = false;
  std::mutex mutex_;
  std::condition_variable noted_;
  std::atomic<std::size_t> taken_ = 0;
  std::vector<std::string> notes_;
  Workers workers_;
};

TEST_F(WorkersTest, KeepsTheOrderOfOneClient) {
  close_gate();
  for (const char* text : {"1", "2", "3"}) ask("a", text);
  EXPECT_THAT(results(), ElementsAre("1", "2", "3"));
}

TEST_F(WorkersTest, ClientsTakeTurns) {
  close_gate();
  for (int i = 1; i <= 4; ++i) ask("a", "a" + std::to_string(i));
  for (int i = 1; i <= 2; ++i) ask("b", "b" + std::to_string(i));
  ask("c", "c1");
  EXPECT_THAT(results(), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3", "a4"));
}

TEST_F(WorkersTest, AClientThatComesBackGoesToTheEnd) {
  close_gate();
  ask("a", "a1");
  ask("b", "b1");
  ask("b", "b2");
  ask("c", "c1");
  ask("a", "a2");
  EXPECT_THAT(results(), ElementsAre("a1", "b1", "c1", "a2", "b2"));
}

TEST_F(WorkersTest, AFloodDelaysOthersByOneTurn) {
  close_gate();
  for (int i = 0; i < 200; ++i) ask("flood", "flood");
  ask("other", "other");
  const auto order = results();
  ASSERT_EQ(order.size(), 201u);
  EXPECT_EQ(order[1], "other");
}

TEST_F(WorkersTest, LifecycleGoesFirstButQueriesGetEveryFourthTurn) {
  close_gate();
  for (int i = 1; i <= 3; ++i) ask("q", "q" + std::to_string(i));
  for (int i = 1; i <= 8; ++i) act("l", "l" + std::to_string(i));
  EXPECT_THAT(results(),
              ElementsAre("l1", "l2", "l3", "q1", "l4", "l5", "l6", "q2", "l7", "l8", "q3"));
}

TEST_F(WorkersTest, QueriesGatherNoCreditWhileNoneWait) {
  close_gate();
  for (int i = 1; i <= 6; ++i) act("l", "l" + std::to_string(i));
  std::promise<void> queued;
  ASSERT_TRUE(workers_.submit("l", Priority::Lifecycle, [&] {
    ask("q", "q1");
    for (int i = 7; i <= 10; ++i) act("l", "l" + std::to_string(i));
    queued.set_value();
  }));
  open_gate();
  queued.get_future().wait();
  EXPECT_THAT(results(),
              ElementsAre("l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9", "q1", "l10"));
}

TEST_F(WorkersTest, ClientsTakeTurnsWithinLifecycleToo) {
  close_gate();
  for (int i = 1; i <= 2; ++i) act("a", "a" + std::to_string(i));
  for (int i = 1; i <= 2; ++i) act("b", "b" + std::to_string(i));
  EXPECT_THAT(results(), ElementsAre("a1", "b1", "a2", "b2"));
}

TEST_F(WorkersTest, StartsWaitingWorkOnEveryThread) {
  WorkerSettings settings;
  settings.threads = 3;
  Workers workers(settings);
  // Each waits for the other two, so all three must run at once.
  std::promise<void> arrived[3];
  std::shared_future<void> all[3];
  for (int i = 0; i < 3; ++i) all[i] = arrived[i].get_future().share();
  std::promise<void> done[3];
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(workers.submit("a", Priority::Query, [&, i] {
      arrived[i].set_value();
      for (auto& other : all) other.wait();
      done[i].set_value();
    }));
  for (auto& promise : done)
    EXPECT_EQ(promise.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

class WorkersLimitTest : public WorkersTest {
 protected:
  static WorkerSettings limited() {
    WorkerSettings settings = one_thread();
    settings.queue_per_client = 3;
    settings.queue_total = 5;
    return settings;
  }
  WorkersLimitTest() : WorkersTest(limited()) {}
};

TEST_F(WorkersLimitTest, RefusesWhatOneClientHasTooMuch) {
  close_gate();
  EXPECT_TRUE(ask("a", "1"));
  EXPECT_TRUE(act("a", "2"));
  EXPECT_TRUE(ask("a", "3"));
  EXPECT_FALSE(ask("a", "4"));
  EXPECT_FALSE(act("a", "5"));
  EXPECT_TRUE(ask("b", "6"));
  EXPECT_EQ(workers_.load().waiting, 4u);
  EXPECT_EQ(workers_.load().running, 1u);
  EXPECT_EQ(workers_.load().clients, 2u);
  EXPECT_THAT(results(), ElementsAre("2", "1", "6", "3"));
  // Room again.
  EXPECT_TRUE(ask("a", "7"));
}

TEST_F(WorkersLimitTest, RefusesWhatAllHaveTooMuch) {
  close_gate();
  for (const char* client : {"a", "b", "c", "d", "e"}) EXPECT_TRUE(ask(client, client));
  EXPECT_FALSE(ask("f", "f"));
  EXPECT_EQ(workers_.load().clients, 5u);
  EXPECT_THAT(results(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(WorkersTest, StopDropsWhatWaitsAndFinishesWhatRuns) {
  close_gate();
  const auto held = std::make_shared<int>();
  ASSERT_TRUE(workers_.submit("a", Priority::Query, [held] { FAIL() << "ran after stop"; }));
  EXPECT_EQ(held.use_count(), 2);
  auto stopping = std::async(std::launch::async, [&] { workers_.stop(); });
  while (workers_.load().waiting != 0) std::this_thread::yield();
  EXPECT_FALSE(workers_.submit("b", Priority::Query, [] {}));
  EXPECT_EQ(workers_.load().running, 1u);
  open_gate();
  stopping.get();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(workers_.load().running, 0u);
}

TEST_F(WorkersTest, SubmittingFromAWorkIsFine) {
  std::promise<void> inner;
  ASSERT_TRUE(workers_.submit("a", Priority::Lifecycle, [&] {
    EXPECT_TRUE(workers_.submit("a", Priority::Query, [&] { inner.set_value(); }));
  }));
  EXPECT_EQ(inner.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(WorkersStress, RunsEverythingOnceUnderManySubmitters) {
  WorkerSettings settings;
  settings.threads = 4;
  settings.queue_per_client = 1'000'000;
  settings.queue_total = 1'000'000;
  std::atomic<int> ran = 0;
  constexpr int submitters = 4;
  constexpr int each = 5000;
  std::promise<void> all;
  {
    Workers workers(settings);
    std::vector<std::thread> threads;
    for (int s = 0; s < submitters; ++s)
      threads.emplace_back([&, s] {
        for (int i = 0; i < each; ++i)
          EXPECT_TRUE(workers.submit(std::to_string((s * 31 + i) % 17),
                                     i % 3 == 0 ? Priority::Lifecycle : Priority::Query, [&] {
                                       if (++ran == submitters * each) all.set_value();
                                     }));
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }
  EXPECT_EQ(ran, submitters * each);
}

}  // namespace
}  // namespace xcp
