// SPDX-License-Identifier: GPL-2.0-or-later
// When agents are asked, and what is told of their answers.
#include "hypervisor/libvirt/agent_watch.hpp"

#include <gtest/gtest.h>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {
namespace {

using std::chrono::milliseconds;

// Answers as the test says, and counts.
class Guests {
 public:
  GuestFacts ask(const std::string& uuid) {
    std::unique_lock lock(mutex_);
    ++asked_[uuid];
    happened_.notify_all();
    if (silent_) throw internal_error("the agent does not answer");
    return answers_[uuid];
  }
  void changed(const std::string& uuid) {
    std::lock_guard lock(mutex_);
    ++changes_[uuid];
    happened_.notify_all();
  }
  void answer(const std::string& uuid, const GuestFacts& facts) {
    std::lock_guard lock(mutex_);
    answers_[uuid] = facts;
  }
  void silent(bool value) {
    std::lock_guard lock(mutex_);
    silent_ = value;
  }
  bool wait_changes(const std::string& uuid, int count) {
    std::unique_lock lock(mutex_);
    return happened_.wait_for(lock, std::chrono::seconds(20),
                              [&] { return changes_[uuid] >= count; });
  }
  bool wait_asked(const std::string& uuid, int more) {
    std::unique_lock lock(mutex_);
    const int wanted = asked_[uuid] + more;
    return happened_.wait_for(lock, std::chrono::seconds(20),
                              [&] { return asked_[uuid] >= wanted; });
  }
  int asked(const std::string& uuid) {
    std::lock_guard lock(mutex_);
    return asked_[uuid];
  }

 private:
  std::mutex mutex_;
  std::condition_variable happened_;
  std::map<std::string, GuestFacts> answers_;
  std::map<std::string, int> asked_;
  std::map<std::string, int> changes_;
  bool silent_ = false;
};

GuestFacts alive(const std::string& address) {
  GuestFacts facts;
  facts.agent_alive = true;
  if (!address.empty()) facts.networks["0/ip"] = address;
  return facts;
}

class AgentWatchTest : public ::testing::Test {
 protected:
  Guests guests;
  AgentWatch watch{[this](const std::string& uuid) { return guests.ask(uuid); },
                   [this](const std::string& uuid) { guests.changed(uuid); },
                   {milliseconds(5), milliseconds(20)}};
};

TEST_F(AgentWatchTest, OnlyChangesAreTold) {
  guests.answer("a", alive(""));
  watch.connected("a");
  ASSERT_TRUE(guests.wait_changes("a", 1));
  EXPECT_TRUE(watch.facts("a").agent_alive);
  guests.answer("a", alive("10.0.0.1"));
  ASSERT_TRUE(guests.wait_changes("a", 2));
  EXPECT_EQ(watch.facts("a").networks.at("0/ip"), "10.0.0.1");
  ASSERT_TRUE(guests.wait_asked("a", 5));
  EXPECT_FALSE(watch.facts("b").agent_alive) << "nobody knows b";
  watch.stop();
  EXPECT_EQ(watch.facts("a").networks.size(), 1u);
}

TEST_F(AgentWatchTest, AnAgentThatFallsSilentIsNotAlive) {
  guests.answer("a", alive("10.0.0.1"));
  watch.connected("a");
  ASSERT_TRUE(guests.wait_changes("a", 1));
  guests.silent(true);
  ASSERT_TRUE(guests.wait_changes("a", 2));
  EXPECT_FALSE(watch.facts("a").agent_alive);
  EXPECT_EQ(watch.facts("a").networks.at("0/ip"), "10.0.0.1") << "what it told stays known";
  guests.silent(false);
  ASSERT_TRUE(guests.wait_changes("a", 3));
  EXPECT_TRUE(watch.facts("a").agent_alive);
}

TEST_F(AgentWatchTest, ADisconnectedAgentIsNotAsked) {
  guests.answer("a", alive("10.0.0.1"));
  guests.answer("b", alive("10.0.0.2"));
  watch.connected("a");
  ASSERT_TRUE(guests.wait_changes("a", 1));
  watch.disconnected("a");
  ASSERT_TRUE(guests.wait_changes("a", 2));
  EXPECT_FALSE(watch.facts("a").agent_alive);
  watch.connected("b");
  ASSERT_TRUE(guests.wait_asked("b", 1));
  const int asked = guests.asked("a");
  ASSERT_TRUE(guests.wait_asked("b", 10));
  EXPECT_EQ(guests.asked("a"), asked);
  watch.forget("b");
  EXPECT_FALSE(watch.facts("b").agent_alive);
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
