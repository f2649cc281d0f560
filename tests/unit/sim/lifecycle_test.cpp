// SPDX-License-Identifier: GPL-2.0-or-later
// A domain's life: build, boot, requests, crashes, ends.
#include <thread>

#include "fixture.hpp"
#include "hypervisor/driver.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

TEST_F(SimTest, BuildMakesAPausedDomain) {
  const DomainState state = sim->build(small_vm(uuid));
  EXPECT_EQ(state.power, DomainPower::paused);
  EXPECT_EQ(state.vcpus, 2);
  EXPECT_EQ(state.memory_bytes, std::int64_t{1} << 30);
  EXPECT_GT(state.domid, 0);
  EXPECT_TRUE(state.ours);
  ASSERT_EQ(state.nics.size(), 1u);
  EXPECT_FALSE(state.nics[0].host_device.empty());
  EXPECT_LE(state.nics[0].host_device.size(), 15u);
  EXPECT_EQ(sim->domains().size(), 1u);
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid}));
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
}

TEST_F(SimTest, TheSameDomainIsNotBuiltTwice) {
  const std::int64_t domid = sim->build(small_vm(uuid)).domid;
  EXPECT_EQ(code_of([&] { sim->build(small_vm(uuid)); }), "DOMAIN_EXISTS");
  EXPECT_EQ(params_of([&] { sim->build(small_vm(uuid)); }), (Texts{uuid, std::to_string(domid)}));
}

TEST_F(SimTest, ABadSpecIsRefusedAndLeavesNothing) {
  const auto refused = [&](const std::function<void(VmSpec&)>& spoil) {
    VmSpec spec = small_vm(uuid);
    spoil(spec);
    return code_of([&] { sim->build(spec); });
  };
  EXPECT_EQ(refused([](VmSpec& s) { s.uuid = "me"; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.vcpus = 5; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.vcpus = 0; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.memory_static_max_bytes = 0; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.memory_target_bytes = s.memory_static_max_bytes + 1; }),
            "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.disks[0].path.clear(); }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& s) { s.disks[1].device = "0"; }), "DEVICE_ALREADY_EXISTS");
  EXPECT_EQ(refused([](VmSpec& s) { s.nics[0].mac = "02:00"; }), "MAC_INVALID");
  EXPECT_EQ(refused([](VmSpec& s) { s.nics[0].host_device = "a-name-of-sixteen"; }),
            "INVALID_VALUE");
  EXPECT_TRUE(sim->domains().empty());
  EXPECT_EQ(sim->host().memory_free_bytes,
            sim->host().memory_total_bytes - (std::int64_t{2} << 30));
  EXPECT_TRUE(events.all().empty());
}

TEST_F(SimTest, AGuestBootsAndReportsItsAgent) {
  sim->build(small_vm(uuid));
  sim->unpause(uuid);
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid, "changed " + uuid}));
  advance(3);
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  advance(57);
  EXPECT_EQ(events.all(), (Texts{"guest_facts " + uuid}));
  const GuestFacts facts = sim->guest(uuid);
  EXPECT_TRUE(facts.agent_alive);
  EXPECT_EQ(facts.os_version.at("distro"), "debian");
  EXPECT_EQ(facts.other.at("hostname"), "small-vm");
  EXPECT_TRUE(facts.networks.at("0/ip").starts_with("10."));
  EXPECT_EQ(facts.networks.at("0/ip"), facts.networks.at("0/ipv4/0"));
  EXPECT_TRUE(facts.networks.at("0/ipv6/0").starts_with("fe80::"));
}

TEST_F(SimTest, GuestsHaveAddressesOfTheirOwnEvenWithOneMac) {
  VmSpec twin = small_vm(other_uuid);
  twin.nics[0].mac = small_vm(uuid).nics[0].mac;
  start(small_vm(uuid));
  start(twin);
  EXPECT_NE(sim->guest(uuid).networks.at("0/ip"), sim->guest(other_uuid).networks.at("0/ip"));
}

TEST_F(SimTest, APausedGuestDoesNotBoot) {
  sim->build(small_vm(uuid));
  sim->unpause(uuid);
  advance(3);
  sim->pause(uuid);
  advance(3600);
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(state_of(uuid).power, DomainPower::paused);
  sim->unpause(uuid);
  advance(60);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
}

TEST_F(SimTest, AGuestObeysAShutdownAfterAWhile) {
  start(small_vm(uuid));
  sim->shutdown(uuid, ShutdownKind::poweroff);
  EXPECT_TRUE(sim->domain(uuid).has_value());
  EXPECT_TRUE(events.all().empty());
  advance(30);
  EXPECT_EQ(events.all(), (Texts{"ended_shutdown " + uuid}));
  EXPECT_FALSE(sim->domain(uuid).has_value());
  EXPECT_EQ(sim->host().memory_free_bytes,
            sim->host().memory_total_bytes - (std::int64_t{2} << 30));
}

TEST_F(SimTest, ARequestDuringTheBootIsObeyedAfterIt) {
  sim->build(small_vm(uuid));
  sim->unpause(uuid);
  sim->shutdown(uuid, ShutdownKind::poweroff);
  advance(2);
  EXPECT_TRUE(sim->domain(uuid).has_value());
  advance(60);
  EXPECT_FALSE(sim->domain(uuid).has_value());
}

TEST_F(SimTest, ARebootKeepsTheDomainOrEndsItAsTheSpecSays) {
  start(small_vm(uuid));
  const std::int64_t domid = state_of(uuid).domid;
  sim->shutdown(uuid, ShutdownKind::reboot);
  advance(6);
  EXPECT_EQ(events.all(), (Texts{"rebooted " + uuid, "guest_facts " + uuid}));
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(state_of(uuid).domid, domid);
  advance(60);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);

  VmSpec spec = small_vm(other_uuid);
  spec.on_reboot = OnEvent::destroy;
  start(spec);
  sim->shutdown(other_uuid, ShutdownKind::reboot);
  advance(30);
  EXPECT_EQ(events.all(), (Texts{"ended_reboot " + other_uuid}));
  EXPECT_FALSE(sim->domain(other_uuid).has_value());
}

TEST_F(SimTest, ACrashEndsRestartsOrPreserves) {
  start(small_vm(uuid));
  sim->control("guest", {{"uuid", uuid}, {"action", "crash"}});
  settle();
  EXPECT_EQ(events.all(), (Texts{"ended_crash " + uuid}));
  EXPECT_FALSE(sim->domain(uuid).has_value());

  VmSpec restarting = small_vm(uuid);
  restarting.on_crash = OnEvent::restart;
  start(restarting);
  sim->control("guest", {{"uuid", uuid}, {"action", "crash"}});
  settle();
  EXPECT_EQ(events.all(), (Texts{"rebooted " + uuid, "guest_facts " + uuid}));
  advance(60);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);

  VmSpec preserved = small_vm(other_uuid);
  preserved.on_crash = OnEvent::preserve;
  start(preserved);
  sim->control("guest", {{"uuid", other_uuid}, {"action", "crash"}});
  settle();
  EXPECT_EQ(events.all(), (Texts{"changed " + other_uuid}));
  EXPECT_EQ(state_of(other_uuid).power, DomainPower::paused);
  EXPECT_EQ(code_of([&] { sim->unpause(other_uuid); }), "VM_CRASHED");
  sim->reset(other_uuid);
  sim->unpause(other_uuid);
  advance(60);
  EXPECT_TRUE(sim->guest(other_uuid).agent_alive);
}

TEST_F(SimTest, AResetBootsAgainInPlace) {
  start(small_vm(uuid));
  sim->reset(uuid);
  EXPECT_EQ(events.all(), (Texts{"rebooted " + uuid, "guest_facts " + uuid}));
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  advance(60);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
}

TEST_F(SimTest, DestroyEndsAtOnceAndTwiceIsHarmless) {
  start(small_vm(uuid));
  sim->destroy(uuid);
  EXPECT_EQ(events.all(), (Texts{"ended_gone " + uuid}));
  EXPECT_FALSE(sim->domain(uuid).has_value());
  sim->destroy(uuid);
  EXPECT_TRUE(events.all().empty());
}

TEST_F(SimTest, CallsOnADomainThatIsNotThereSaySo) {
  const Texts none{uuid};
  EXPECT_EQ(params_of([&] { sim->unpause(uuid); }), none);
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { sim->unpause(uuid); }, [&] { sim->pause(uuid); }, [&] { sim->reset(uuid); },
           [&] { sim->shutdown(uuid, ShutdownKind::poweroff); }, [&] { sim->guest(uuid); },
           [&] { sim->plug_disk(uuid, {}); }, [&] { sim->plug_nic(uuid, {}); },
           [&] { sim->set_vcpus(uuid, 1); }, [&] { sim->set_memory_target(uuid, 1); },
           [&] { sim->switch_images(uuid, {}); }, [&] { sim->change_medium(uuid, "3", {}); },
           [&] { sim->console(uuid, ConsoleKind::serial); },
           [&] { sim->save(uuid, "/nonexistent/state"); },
           [&] { sim->checkpoint(uuid, "/nonexistent/state", {}); }})
    EXPECT_EQ(code_of(call), "DOMAIN_NOT_FOUND");
  EXPECT_FALSE(sim->domain(uuid).has_value());
  sim->unplug_disk(uuid, "0");
  sim->unplug_nic(uuid, "0");
}

TEST_F(SimTest, TheHostRunsOutOfMemory) {
  SimSettings settings = still_settings();
  settings.memory_bytes = std::int64_t{5} << 30;
  sim = make_sim(settings);
  VmSpec spec = small_vm(uuid);
  spec.memory_target_bytes = spec.memory_static_max_bytes;
  sim->build(spec);
  EXPECT_EQ(sim->host().memory_free_bytes, std::int64_t{1} << 30);
  spec.uuid = other_uuid;
  spec.nics.clear();
  EXPECT_EQ(params_of([&] { sim->build(spec); }),
            (Texts{std::to_string(std::int64_t{2} << 30), std::to_string(std::int64_t{1} << 30)}));
  EXPECT_EQ(code_of([&] { sim->build(spec); }), "HOST_NOT_ENOUGH_FREE_MEMORY");
  sim->destroy(uuid);
  sim->build(spec);
}

TEST_F(SimTest, MemoryIsNotPromisedTwiceWhileBuildsAreUnderWay) {
  SimSettings settings = still_settings();
  settings.memory_bytes = std::int64_t{4} << 30;  // room for one
  sim = make_sim(settings);
  const std::string fault =
      sim->control("fault", {{"method", "build"}, {"kind", "hang"}, {"point", "middle"}});
  VmSpec spec = small_vm(uuid);
  spec.memory_target_bytes = spec.memory_static_max_bytes;
  std::thread builder([&] { sim->build(spec); });
  ASSERT_EQ(sim->control("wait_fault", {{"id", fault}}), "true");
  VmSpec second = spec;
  second.uuid = other_uuid;
  EXPECT_EQ(code_of([&] { sim->build(second); }), "HOST_NOT_ENOUGH_FREE_MEMORY");
  sim->control("clear_fault", {});
  builder.join();
  EXPECT_EQ(sim->domains().size(), 1u);
}

TEST_F(SimTest, UefiGuestsGetAVariableStoreThatStays) {
  const TemporaryDirectory directory;
  VmSpec spec = small_vm(uuid);
  spec.firmware = Firmware::uefi;
  spec.nvram_path = directory.path("nvram");
  sim->control("fault", {{"method", "build"},
                         {"kind", "fail"},
                         {"point", "middle"},
                         {"code", "INTERNAL_ERROR"},
                         {"params", "[\"x\"]"}});
  EXPECT_EQ(code_of([&] { sim->build(spec); }), "INTERNAL_ERROR");
  EXPECT_FALSE(std::filesystem::exists(spec.nvram_path));
  sim->build(spec);
  EXPECT_TRUE(std::filesystem::exists(spec.nvram_path));
  sim->destroy(uuid);
  EXPECT_TRUE(std::filesystem::exists(spec.nvram_path));
}

TEST_F(SimTest, VariablesKeptForAVmAreForgottenWithIt) {
  const TemporaryDirectory directory;
  SimSettings settings = still_settings();
  settings.state_dir = directory.path("state");
  sim = make_sim(settings);
  VmSpec spec = small_vm(uuid);
  spec.firmware = Firmware::uefi;
  sim->build(spec);
  const std::string kept = directory.path("state/nvram/" + uuid + ".fd");
  EXPECT_TRUE(std::filesystem::exists(kept));
  EXPECT_EQ(code_of([&] { sim->forget(uuid); }), "OPERATION_NOT_ALLOWED");
  sim->destroy(uuid);
  EXPECT_TRUE(std::filesystem::exists(kept));
  sim->forget(uuid);
  EXPECT_FALSE(std::filesystem::exists(kept));
  sim->forget(uuid);
}

TEST_F(SimTest, PathsAreCheckedWhenAsked) {
  SimSettings settings = still_settings();
  settings.check_paths = true;
  sim = make_sim(settings);
  EXPECT_EQ(code_of([&] { sim->build(small_vm(uuid)); }), "INTERNAL_ERROR");
  VmSpec spec = small_vm(uuid);
  spec.disks[0].path = "/dev/null";
  sim->build(spec);
}

TEST_F(SimTest, StatisticsGrowAndAPauseStopsThem) {
  start(small_vm(uuid));
  const auto take = [&] { return sim->stats().at(0); };
  DomainStats before = take();
  ASSERT_EQ(before.vcpu_seconds.size(), 2u);
  ASSERT_EQ(before.disks.size(), 2u);
  ASSERT_EQ(before.nics.size(), 1u);
  EXPECT_GT(before.vcpu_seconds[0], 0);
  EXPECT_GT(before.memory_free_bytes, 0);
  EXPECT_LT(before.memory_free_bytes, before.memory_bytes);
  for (int i = 0; i < 200; ++i) {
    advance(7);
    const DomainStats after = take();
    EXPECT_GE(after.vcpu_seconds[0], before.vcpu_seconds[0]);
    EXPECT_LE(after.vcpu_seconds[0] - before.vcpu_seconds[0], 7.0);
    EXPECT_GE(after.disks[0].write_bytes, before.disks[0].write_bytes);
    EXPECT_GE(after.nics[0].read_bytes, before.nics[0].read_bytes);
    EXPECT_GE(after.nics[0].write_ops, before.nics[0].write_ops);
    before = after;
  }
  EXPECT_EQ(before.disks[1].read_bytes, 0) << "there is no medium";
  sim->pause(uuid);
  const double stopped = take().vcpu_seconds[0];
  advance(100);
  EXPECT_EQ(take().vcpu_seconds[0], stopped);
}

TEST(SimModule, TheModuleIsTheSameDriver) {
  DriverSettings settings;
  const TemporaryDirectory directory;
  settings.state_dir = directory.path();
  settings.options = {{"time_scale", "0"}, {"memory_bytes", "8589934592"}, {"unknown", "inert"}};
  const auto driver = load_driver("sim", XCP_SIM_MODULE_DIR, settings);
  EXPECT_EQ(driver->host().driver, "sim");
  EXPECT_EQ(driver->host().memory_total_bytes, std::int64_t{8} << 30);
  const std::string uuid = "11111111-2222-4333-8444-555555555555";
  driver->build(small_vm(uuid));
  EXPECT_EQ(code_of([&] { driver->build(small_vm(uuid)); }), "DOMAIN_EXISTS");

  settings.options = {{"time_scale", "fast"}};
  EXPECT_EQ(params_of([&] { load_driver("sim", XCP_SIM_MODULE_DIR, settings); }),
            (Texts{"time_scale", "fast"}));
}

}  // namespace
}  // namespace xcp::hypervisor
