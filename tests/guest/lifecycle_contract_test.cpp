// SPDX-License-Identifier: GPL-2.0-or-later
// How domains begin, change power and end, and what is told of it.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/ref.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LifecycleContract : public ContractTest {};

TEST_F(LifecycleContract, ABuiltDomainIsPausedAndComplete) {
  VmSpec spec = small_guest();
  spec.disks = {disk("0", raw_image("a")), disk("1", raw_image("b"))};
  spec.disks[1].read_only = true;
  DiskSpec drive;
  drive.device = "3";
  drive.cdrom = true;
  spec.disks.push_back(drive);
  spec.nics = {user_nic("0"), user_nic("1")};
  spec.nics[1].backing = NicBacking::none;
  EventReader events(hv());
  const DomainState built = hv().build(spec);
  EXPECT_EQ(built.uuid, uuid_);
  EXPECT_EQ(built.name, spec.name);
  EXPECT_EQ(built.power, DomainPower::paused);
  EXPECT_TRUE(built.ours);
  EXPECT_GE(built.domid, 0);
  EXPECT_EQ(built.vcpus, 1);
  EXPECT_EQ(built.memory_bytes, 128 << 20);
  EXPECT_NEAR(static_cast<double>(built.start_time), static_cast<double>(time(nullptr)), 120);
  events.wait_for(EventKind::changed, uuid_);

  const DomainState seen = state();
  ASSERT_EQ(seen.disks.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(seen.disks[i].device, spec.disks[i].device);
    EXPECT_EQ(seen.disks[i].path, spec.disks[i].path);
    EXPECT_EQ(seen.disks[i].cdrom, spec.disks[i].cdrom);
  }
  EXPECT_EQ(seen.disks[0].serial, "disk-0");
  EXPECT_FALSE(seen.disks[0].read_only);
  EXPECT_TRUE(seen.disks[1].read_only);
  ASSERT_EQ(seen.nics.size(), 2u);
  EXPECT_EQ(seen.nics[0].device, "0");
  EXPECT_EQ(seen.nics[0].mac, spec.nics[0].mac);
  EXPECT_EQ(seen.nics[0].backing, spec.nics[0].backing);
  EXPECT_EQ(seen.nics[1].backing, NicBacking::none);
  const auto all = hv().domains();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].uuid, uuid_);
  EXPECT_EQ(code_of([&] { hv().build(spec); }), "DOMAIN_EXISTS");
}

TEST_F(LifecycleContract, WhatDoesNotRunIsNotFound) {
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  const std::vector<std::function<void()>> calls{
      [&] { hv().unpause(uuid_); },
      [&] { hv().pause(uuid_); },
      [&] { hv().shutdown(uuid_, ShutdownKind::poweroff); },
      [&] { hv().reset(uuid_); },
      [&] { hv().save(uuid_, files_ + "/save"); },
      [&] { hv().checkpoint(uuid_, files_ + "/save", {}); },
      [&] { hv().plug_disk(uuid_, disk("1", raw_image("a"))); },
      [&] { hv().plug_nic(uuid_, user_nic("1")); },
      [&] { hv().change_medium(uuid_, "3", {}); },
      [&] { hv().switch_images(uuid_, {}); },
      [&] { hv().set_vcpus(uuid_, 1); },
      [&] { hv().set_memory_target(uuid_, 64 << 20); },
      [&] { hv().guest(uuid_); },
      [&] { hv().console(uuid_, ConsoleKind::serial); }};
  for (std::size_t i = 0; i < calls.size(); ++i)
    EXPECT_EQ(code_of(calls[i]), "DOMAIN_NOT_FOUND") << "call " << i;
  hv().destroy(uuid_);
  hv().unplug_disk(uuid_, "0");
  hv().unplug_nic(uuid_, "0");
  EXPECT_FALSE(std::filesystem::exists(files_ + "/save"));
}

TEST_F(LifecycleContract, ASpecThatCannotBeIsRefused) {
  const auto refused = [&](const std::function<void(VmSpec&)>& spoil) {
    VmSpec spec = small_guest();
    spoil(spec);
    return code_of([&] { hv().build(spec); });
  };
  EXPECT_EQ(refused([](VmSpec& spec) { spec.uuid = "../../etc"; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& spec) { spec.vcpus = 3; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& spec) { spec.memory_static_max_bytes = 0; }), "INVALID_VALUE");
  EXPECT_EQ(refused([](VmSpec& spec) { spec.disks.emplace_back().device = "0"; }), "INVALID_VALUE");
  EXPECT_EQ(refused([&](VmSpec& spec) {
              spec.nics = {user_nic("0"), user_nic("0")};
            }),
            "DEVICE_ALREADY_EXISTS");
  EXPECT_EQ(refused([&](VmSpec& spec) {
              spec.nics = {user_nic("0")};
              spec.nics[0].mac = "52:54";
            }),
            "MAC_INVALID");
  EXPECT_TRUE(no_domain_is_ours());
}

TEST_F(LifecycleContract, PauseAndUnpause) {
  hv().build(small_guest());
  EventReader events(hv());
  hv().unpause(uuid_);
  EXPECT_EQ(state().power, DomainPower::running);
  events.wait_for(EventKind::changed, uuid_);
  hv().pause(uuid_);
  EXPECT_EQ(state().power, DomainPower::paused);
  events.wait_for(EventKind::changed, uuid_);
  hv().unpause(uuid_);
  EXPECT_EQ(state().power, DomainPower::running);
}

TEST_F(LifecycleContract, DestroyEndsItAndSaysSo) {
  hv().build(small_guest());
  hv().unpause(uuid_);
  EventReader events(hv());
  hv().destroy(uuid_);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  // The end is told before destroy returns: it cannot be taken for that of a next domain.
  hv().build(small_guest());
  std::vector<EventKind> kinds;
  for (const Event& event : events.pending()) kinds.push_back(event.kind);
  ASSERT_FALSE(kinds.empty());
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), EventKind::ended_gone), 1);
  hv().unpause(uuid_);
  EXPECT_EQ(state().power, DomainPower::running);
}

TEST_F(LifecycleContract, EventsHaveNumbersAndAnEpoch) {
  const EventBatch first = hv().events("", 0, milliseconds(60000));
  ASSERT_EQ(first.events.size(), 1u) << "an unknown epoch is answered at once";
  EXPECT_EQ(first.events[0].kind, EventKind::resync);
  EXPECT_FALSE(first.epoch.empty());
  const EventBatch none = hv().events(first.epoch, first.last, milliseconds(1));
  EXPECT_TRUE(none.events.empty());
  EXPECT_EQ(none.last, first.last);

  // A waiting reader is woken by what happens.
  EventBatch woken;
  const auto other = world().daemon->another_client();
  std::thread reader([&] { woken = other->events(first.epoch, first.last, seconds(60)); });
  hv().build(small_guest());
  reader.join();
  ASSERT_FALSE(woken.events.empty());
  EXPECT_EQ(woken.events[0].id, first.last + 1);
  EXPECT_EQ(woken.events[0].uuid, uuid_);
  EXPECT_EQ(woken.epoch, first.epoch);
  hv().destroy(uuid_);
  const EventBatch all = hv().events(first.epoch, first.last, milliseconds(0));
  for (std::size_t i = 0; i < all.events.size(); ++i)
    EXPECT_EQ(all.events[i].id, first.last + 1 + i);
  const EventBatch future = hv().events(first.epoch, all.last + 100, milliseconds(0));
  ASSERT_EQ(future.events.size(), 1u);
  EXPECT_EQ(future.events[0].kind, EventKind::resync);
}

TEST_F(LifecycleContract, TheGuestTellsAboutItself) {
  VmSpec spec = small_guest();
  spec.nics = {user_nic("0")};
  EventReader events(hv());
  start(spec);
  events.wait_for(EventKind::guest_facts, uuid_);
  wait_until("the guest told its address",
             [&] { return hv().guest(uuid_).networks.contains("0/ip"); });
  const GuestFacts facts = hv().guest(uuid_);
  EXPECT_TRUE(facts.agent_alive);
  EXPECT_FALSE(facts.agent_version.empty());
  EXPECT_FALSE(facts.os_version.at("name").empty());
  EXPECT_EQ(facts.networks.at("0/ip"), facts.networks.at("0/ipv4/0"));
  if (!world().real_guests) return;
  EXPECT_EQ(facts.networks.at("0/ip"), "10.0.2.15");
  EXPECT_EQ(facts.os_version.at("distro"), "testguest");
  EXPECT_EQ(facts.os_version.at("major"), "1");
  EXPECT_EQ(facts.other.at("hostname"), "testguest");
}

TEST_F(LifecycleContract, AGuestWithAnAgentShutsDown) {
  start(small_guest());
  wait_until("the agent is there", [&] { return hv().guest(uuid_).agent_alive; });
  EventReader events(hv());
  hv().shutdown(uuid_, ShutdownKind::poweroff);
  events.wait_for(EventKind::ended_shutdown, uuid_);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
}

TEST_F(LifecycleContract, AGuestWithoutAnAgentShutsDown) {
  VmSpec spec = small_guest();
  spec.direct_kernel->command_line += " noagent";
  spec.platform["sim_no_agent"] = "true";
  hv().build(spec);
  hv().unpause(uuid_);
  if (world().real_guests) wait_until_up();
  EventReader events(hv());
  hv().shutdown(uuid_, ShutdownKind::poweroff);
  events.wait_for(EventKind::ended_shutdown, uuid_);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
}

TEST_F(LifecycleContract, ARebootHappensInPlace) {
  start(small_guest());
  wait_until("the agent is there", [&] { return hv().guest(uuid_).agent_alive; });
  const auto domid = state().domid;
  EventReader events(hv());
  hv().shutdown(uuid_, ShutdownKind::reboot);
  events.wait_for(EventKind::rebooted, uuid_);
  // Xen makes a new domain of it.
  if (world().xen) {
    EXPECT_NE(state().domid, domid);
  } else {
    EXPECT_EQ(state().domid, domid);
  }
  events.wait_for(EventKind::guest_facts, uuid_);
}

TEST_F(LifecycleContract, ARebootEndsADomainThatIsToEnd) {
  for (const bool with_agent : {true, false}) {
    VmSpec spec = small_guest();
    spec.on_reboot = OnEvent::destroy;
    if (!with_agent) spec.direct_kernel->command_line += " noagent";
    start(spec);
    if (with_agent) wait_until("the agent is there", [&] { return hv().guest(uuid_).agent_alive; });
    EventReader events(hv());
    hv().shutdown(uuid_, ShutdownKind::reboot);
    events.wait_for(EventKind::ended_reboot, uuid_);
    EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  }
}

TEST_F(LifecycleContract, ResetKeepsADomainThatARebootWouldEnd) {
  VmSpec spec = small_guest();
  spec.on_reboot = OnEvent::destroy;
  start(spec);
  EventReader events(hv());
  hv().reset(uuid_);
  events.wait_for(EventKind::rebooted, uuid_);
  EXPECT_EQ(state().power, DomainPower::running);
  if (!world().real_guests) return;
  Terminal guest = terminal();
  guest.wait_for("TEST GUEST READY");
  guest.wait_for("TEST GUEST READY");
  // And the guest's own reboot does end it, still.
  guest.type("reboot -f\n");
  events.wait_for(EventKind::ended_reboot, uuid_);
}

TEST_F(LifecycleContract, APanicEndsTheDomain) {
  if (!world().real_guests) GTEST_SKIP() << "the sim's own tests cover crashes";
  start(small_guest());
  EventReader events(hv());
  terminal().type("\necho 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger\n");
  events.wait_for(EventKind::ended_crash, uuid_);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
}

TEST_F(LifecycleContract, AConsoleRemembersAndServesSeveral) {
  start(small_guest());
  const std::string prompt = world().real_guests ? "TEST GUEST READY" : "login:";
  Terminal first = terminal();
  first.wait_for(prompt);
  Terminal second = terminal();
  second.wait_for(prompt);
  if (!world().real_guests) return;
  first.type("echo typed-by-\"one\"\n");
  second.wait_for("typed-by-one");
  first.wait_for("typed-by-one");
  // A reader that never reads holds nobody up.
  const UniqueFd idle = hv().console(uuid_, ConsoleKind::serial);
  EXPECT_NE(second.run("seq 1 20000 | tail -n 1", seconds(180)).find("20000"), std::string::npos);
  second.run(
      "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123; i=$((i+1)); done",
      seconds(180));
  EXPECT_NE(second.run("echo still-\"there\"").find("still-there"), std::string::npos);
}

TEST_F(LifecycleContract, ADisplayIsServed) {
  VmSpec spec = small_guest();
  spec.vnc = true;
  hv().build(spec);
  const UniqueFd display = hv().console(uuid_, ConsoleKind::vnc);
  char greeting[12] = {};
  ASSERT_EQ(recv(display.get(), greeting, sizeof(greeting), MSG_WAITALL), 12);
  EXPECT_EQ(std::string(greeting, 4), "RFB ");
  hv().destroy(uuid_);
  spec.vnc = false;
  hv().build(spec);
  EXPECT_EQ(code_of([&] { hv().console(uuid_, ConsoleKind::vnc); }), "VALUE_NOT_SUPPORTED");
}

// A disk whose boot sector writes `text` to the first serial port.
void write_boot_sector(const std::string& path, const std::string& text) {
  // xor ax,ax; mov ds,ax; mov si,text; mov dx,0x3f8; next: lodsb; test al,al; jz end; out dx,al;
  // jmp next; end: hlt; jmp end; text:
  const unsigned char code[] = {0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x16, 0x7c, 0xba, 0xf8, 0x03, 0xac,
                                0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xf4, 0xeb, 0xfd, 0x90};
  std::string sector(reinterpret_cast<const char*>(code), sizeof(code));
  sector += text;
  sector.resize(510, '\0');
  sector += "\x55\xaa";
  sector.resize(1 << 20, '\0');
  write_file_durably(path, sector);
}

TEST_F(LifecycleContract, TheBootOrderDecides) {
  if (!world().real_guests) GTEST_SKIP() << "needs firmware";
  if (world().xen) GTEST_SKIP() << "hvm guests boot from the first of their disks";
  for (const char* name : {"first", "second"})
    write_boot_sector(files_ + "/" + name, std::string("booted from the ") + name);
  VmSpec spec = small_guest();
  spec.direct_kernel.reset();
  spec.boot_order = "dc";
  spec.disks = {disk("0", files_ + "/first"), disk("1", files_ + "/second")};
  for (const bool second : {false, true}) {
    spec.disks[1].bootable = second;
    hv().build(spec);
    hv().unpause(uuid_);
    terminal().wait_for(second ? "booted from the second" : "booted from the first");
    hv().destroy(uuid_);
  }
}

TEST_F(LifecycleContract, AUefiGuestKeepsItsVariablesUntilItIsForgotten) {
  if (world().xen) GTEST_SKIP() << "OVMF keeps no variables under Xen 4.17";
  VmSpec spec = small_guest();
  spec.firmware = Firmware::uefi;
  spec.memory_static_max_bytes = spec.memory_target_bytes = 256 << 20;
  start(spec);
  EXPECT_EQ(code_of([&] { hv().forget(uuid_); }), "OPERATION_NOT_ALLOWED");
  if (world().real_guests) {
    EXPECT_NE(terminal().run("ls -d /sys/firmware/efi").find("status 0"), std::string::npos);
  }
  hv().destroy(uuid_);
  const std::string kept = world().daemon->state_directory() + "/nvram/" + uuid_ + ".fd";
  if (world().real_guests) {
    EXPECT_TRUE(std::filesystem::exists(kept));
  }
  hv().build(spec);
  hv().destroy(uuid_);
  hv().forget(uuid_);
  EXPECT_FALSE(std::filesystem::exists(kept));
  hv().forget(uuid_);
}

TEST_F(LifecycleContract, StatisticsCount) {
  VmSpec spec = small_guest();
  spec.disks = {disk("0", raw_image("a"))};
  start(spec);
  if (world().real_guests)
    terminal().run("cat " + guest_disk("0", 0) + " > /dev/null", seconds(120));
  const auto all = hv().stats();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].uuid, uuid_);
  ASSERT_EQ(all[0].vcpu_seconds.size(), 1u);
  EXPECT_GT(all[0].vcpu_seconds[0], 0);
  EXPECT_EQ(all[0].memory_bytes, 128 << 20);
  ASSERT_EQ(all[0].disks.size(), 1u);
  EXPECT_EQ(all[0].disks[0].device, "0");
  if (world().real_guests) {
    EXPECT_GE(all[0].disks[0].read_bytes, 32 << 20);
  }
}

TEST_F(LifecycleContract, DomainsAreBuiltSideBySide) {
  constexpr int count = 4;
  std::vector<std::string> uuids;
  for (int i = 0; i < count; ++i) uuids.push_back(make_uuid());
  std::vector<std::thread> builders;
  std::vector<std::string> problems(count);
  for (int i = 0; i < count; ++i)
    builders.emplace_back([&, i] {
      try {
        VmSpec spec = small_guest();
        spec.uuid = uuids[static_cast<std::size_t>(i)];
        // A paravirtual guest's kernel is unpacked before it starts.
        const std::int64_t mebibytes = world().xen ? 96 : 32;
        spec.memory_static_max_bytes = spec.memory_target_bytes = mebibytes << 20;
        hv().build(spec);
        hv().unpause(spec.uuid);
        hv().destroy(spec.uuid);
        hv().build(spec);
      } catch (const std::exception& error) {
        problems[static_cast<std::size_t>(i)] = error.what();
      }
    });
  for (std::thread& builder : builders) builder.join();
  for (const std::string& problem : problems) EXPECT_EQ(problem, "");
  EXPECT_EQ(hv().domains().size(), static_cast<std::size_t>(count));
}

TEST_F(LifecycleContract, TheHostIsDescribed) {
  const HostFacts facts = hv().host();
  EXPECT_EQ(facts.driver, world().driver);
  EXPECT_FALSE(facts.hypervisor.empty());
  EXPECT_GT(facts.memory_total_bytes, 1 << 30);
  EXPECT_GT(facts.memory_free_bytes, 0);
  EXPECT_GE(std::stoi(facts.cpu.at("cpu_count")), 1);
  EXPECT_FALSE(facts.capabilities.empty());
}

}  // namespace
}  // namespace xcp::test
