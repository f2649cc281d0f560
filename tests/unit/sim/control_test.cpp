// SPDX-License-Identifier: GPL-2.0-or-later
// Ordered faults and behaviours do what they say, and a misspelt order is refused.
#include <thread>

#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

TEST_F(SimTest, AFaultStrikesTheCallItWasOrderedFor) {
  sim->control("fault", {{"method", "pause"},
                         {"kind", "fail"},
                         {"nth", "2"},
                         {"count", "2"},
                         {"code", "VM_CRASHED"},
                         {"params", "[\"a\",\"b\"]"}});
  start(small_vm(uuid));
  sim->pause(uuid);
  EXPECT_EQ(params_of([&] { sim->pause(uuid); }), (Texts{"a", "b"}));
  EXPECT_EQ(code_of([&] { sim->pause(uuid); }), "VM_CRASHED");
  sim->pause(uuid);
}

TEST_F(SimTest, AFaultAfterTheFactLeavesTheFact) {
  sim->control("fault", {{"method", "build"}, {"kind", "fail"}, {"point", "after"}, {"code", "X"}});
  EXPECT_EQ(code_of([&] { sim->build(small_vm(uuid)); }), "X");
  EXPECT_TRUE(sim->domain(uuid).has_value());
}

TEST_F(SimTest, AFaultInTheMiddleLeavesNothing) {
  for (int i = 0; i < 2; ++i) {
    sim->control("fault",
                 {{"method", "build"}, {"kind", "fail"}, {"point", "middle"}, {"code", "X"}});
    EXPECT_EQ(code_of([&] { sim->build(small_vm(uuid)); }), "X");
    EXPECT_TRUE(sim->domains().empty());
    EXPECT_EQ(sim->host().memory_free_bytes,
              sim->host().memory_total_bytes - (std::int64_t{2} << 30));
  }
  sim->build(small_vm(uuid));
}

TEST_F(SimTest, AFaultMayConcernOneDomain) {
  sim->control(
      "fault",
      {{"method", "build"}, {"kind", "fail"}, {"count", "0"}, {"code", "X"}, {"uuid", uuid}});
  sim->build(small_vm(other_uuid));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of([&] { sim->build(small_vm(uuid)); }), "X");
  EXPECT_NE(sim->control("faults", {}).find("\"hit\":3"), std::string::npos);
  sim->control("clear_fault", {});
  sim->build(small_vm(uuid));
}

TEST_F(SimTest, AHangingCallHoldsItsDomainAndNoOther) {
  start(small_vm(uuid));
  sim->build(small_vm(other_uuid));
  const std::string fault = sim->control("fault", {{"method", "pause"}, {"kind", "hang"}});
  std::thread hanging([&] { sim->pause(uuid); });
  ASSERT_EQ(sim->control("wait_fault", {{"id", fault}}), "true");
  sim->unpause(other_uuid);
  EXPECT_EQ(state_of(other_uuid).power, DomainPower::running);
  EXPECT_EQ(state_of(uuid).power, DomainPower::running) << "reading does not wait";
  std::thread next([&] { sim->destroy(uuid); });
  sim->control("clear_fault", {{"id", fault}});
  hanging.join();
  next.join();
  EXPECT_FALSE(sim->domain(uuid).has_value());
}

TEST_F(SimTest, ADelayedCallTakesLonger) {
  sim->control("fault", {{"method", "domains"}, {"kind", "delay"}, {"delay_ms", "50"}});
  const auto began = std::chrono::steady_clock::now();
  sim->domains();
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(50));
}

TEST_F(SimTest, LostEventsAreAnnounced) {
  sim->control("drop_events", {{"count", "2"}});
  sim->build(small_vm(uuid));
  EXPECT_TRUE(events.all().empty());
  sim->unpause(uuid);
  EXPECT_EQ(events.all(), (Texts{"resync "}));
  sim->pause(uuid);
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid}));
  sim->control("drop_events", {});
  EXPECT_EQ(events.all(), (Texts{"resync "}));
}

TEST_F(SimTest, GuestsMisbehaveWhenTold) {
  sim->control("behaviour", {{"uuid", uuid}, {"ignore_shutdown", "true"}});
  start(small_vm(uuid));
  sim->shutdown(uuid, ShutdownKind::poweroff);
  advance(3600);
  EXPECT_TRUE(sim->domain(uuid).has_value());
  sim->control("behaviour", {{"uuid", uuid}, {"ignore_shutdown", ""}});
  sim->shutdown(uuid, ShutdownKind::poweroff);
  advance(30);
  EXPECT_FALSE(sim->domain(uuid).has_value());

  VmSpec spec = small_vm(uuid);
  spec.platform = {{"sim_no_agent", "true"}, {"pae", "true"}};
  sim->build(spec);
  sim->unpause(uuid);
  advance(3600);
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  sim->control("behaviour", {{"ignore_unplug", "true"}});
  EXPECT_EQ(params_of([&] { sim->unplug_disk(uuid, "0"); }), (Texts{"VBD", "0"}));
  EXPECT_EQ(code_of([&] { sim->unplug_nic(uuid, "0"); }), "DEVICE_DETACH_TIMEOUT");
  EXPECT_EQ(state_of(uuid).disks.size(), 2u);
}

TEST_F(SimTest, AGuestThatPanicsAtBootEndsOrGoesRoundInCircles) {
  sim->control("behaviour", {{"panic_at_boot", "true"}});
  sim->build(small_vm(uuid));
  sim->unpause(uuid);
  advance(20);
  EXPECT_FALSE(sim->domain(uuid).has_value());
  events.all();

  VmSpec spec = small_vm(uuid);
  spec.on_crash = OnEvent::restart;
  sim->control("time_scale", {{"value", "0"}});
  sim->build(spec);
  sim->unpause(uuid);
  advance(2);
  EXPECT_TRUE(sim->domain(uuid).has_value());
  const auto reboots = events.all().size();
  EXPECT_GT(reboots, 10u);
  EXPECT_LT(reboots, 100u);
}

TEST_F(SimTest, AnAgentMayDieAndReturn) {
  start(small_vm(uuid));
  sim->control("guest", {{"uuid", uuid}, {"action", "agent_off"}});
  EXPECT_EQ(events.all(), (Texts{"guest_facts " + uuid}));
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  EXPECT_TRUE(sim->guest(uuid).networks.empty());
  sim->control("guest", {{"uuid", uuid}, {"action", "agent_on"}});
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
}

TEST_F(SimTest, ForeignDomainsAreSeenAndLeftAlone) {
  const std::int64_t before = sim->host().memory_free_bytes;
  const std::string foreign =
      sim->control("foreign", {{"action", "add"}, {"name", "theirs"}, {"memory_bytes", "1048576"}});
  EXPECT_EQ(events.all(), (Texts{"changed " + foreign}));
  EXPECT_FALSE(state_of(foreign).ours);
  EXPECT_EQ(state_of(foreign).name, "theirs");
  EXPECT_EQ(sim->host().memory_free_bytes, before - 1048576);
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { sim->destroy(foreign); }, [&] { sim->pause(foreign); },
           [&] { sim->reset(foreign); }, [&] { sim->plug_nic(foreign, {}); },
           [&] { sim->console(foreign, ConsoleKind::serial); },
           [&] { sim->shutdown(foreign, ShutdownKind::poweroff); }})
    EXPECT_EQ(code_of(call), "OPERATION_NOT_ALLOWED");
  EXPECT_TRUE(sim->domain(foreign).has_value());
  sim->control("foreign", {{"action", "remove"}, {"uuid", foreign}});
  EXPECT_EQ(events.all(), (Texts{"ended_gone " + foreign}));
}

TEST_F(SimTest, MisspeltOrdersAreRefused) {
  const auto refused = [&](const std::string& command, std::map<std::string, std::string> args) {
    return code_of([&] { sim->control(command, args); }) == "INVALID_VALUE";
  };
  EXPECT_TRUE(refused("fautl", {}));
  EXPECT_TRUE(refused("fault", {{"method", "biuld"}, {"kind", "hang"}}));
  EXPECT_TRUE(refused("fault", {{"method", "build"}, {"kind", "hung"}}));
  EXPECT_TRUE(refused("fault", {{"method", "build"}, {"kind", "fail"}}));
  EXPECT_TRUE(refused("fault", {{"method", "build"}, {"kind", "hang"}, {"ntn", "1"}}));
  EXPECT_TRUE(refused("fault", {{"method", "build"}, {"kind", "hang"}, {"nth", "one"}}));
  EXPECT_TRUE(refused("behaviour", {{"ignore_everything", "true"}}));
  EXPECT_TRUE(refused("behaviour", {{"ignore_shutdown", "perhaps"}}));
  EXPECT_TRUE(refused("timing", {{"biuld", "1"}}));
  EXPECT_TRUE(refused("timing", {{"build", "5..1"}}));
  EXPECT_TRUE(refused("advance", {{"minutes", "1"}}));
  EXPECT_TRUE(refused("clear_fault", {{"id", "77"}}));
  sim->build(small_vm(uuid));
  EXPECT_TRUE(refused("guest", {{"uuid", uuid}, {"action", "explode"}}));
  EXPECT_NE(sim->control("help", {}).find("wait_fault"), std::string::npos);
}

TEST_F(SimTest, TheEventHistoryIsBounded) {
  const EventBatch start = sim->events({}, 0, std::chrono::milliseconds(0));
  sim->build(small_vm(uuid));
  for (int i = 0; i < 8192; ++i) {
    sim->unpause(uuid);
    sim->pause(uuid);
  }
  const EventBatch late = sim->events(start.epoch, start.last, std::chrono::milliseconds(0));
  ASSERT_EQ(late.events.size(), 1u);
  EXPECT_EQ(late.events[0].kind, EventKind::resync);
  const EventBatch all = sim->events(late.epoch, late.last - 16384, std::chrono::milliseconds(0));
  EXPECT_EQ(all.events.size(), 16384u);
  EXPECT_EQ(all.events.front().id, late.last - 16383);
}

}  // namespace
}  // namespace xcp::hypervisor
