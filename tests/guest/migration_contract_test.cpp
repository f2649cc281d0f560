// SPDX-License-Identifier: GPL-2.0-or-later
// A running guest is moved: it remembers, it is there once, and it runs on here when the other end
// fails.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <iostream>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;
using std::chrono::milliseconds;

class MigrationContract : public ContractTest {
 protected:
  void SetUp() override {
    ContractTest::SetUp();
    if (!hv().host().can_migrate) GTEST_SKIP() << "this driver cannot";
  }

  struct Ends {
    UniqueFd sender;
    UniqueFd receiver;
  };
  static Ends connection() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw system_failure("socketpair", errno);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  DomainState move_to_itself(SendOptions options = {}) {
    Ends ends = connection();
    auto received = std::async(std::launch::async, [this, &ends] {
      return hv().migrate_receive(std::move(ends.receiver), {});
    });
    hv().migrate_send(uuid_, std::move(ends.sender), options);
    return received.get();
  }

  VmSpec guest_with_devices() const {
    VmSpec spec = small_guest();
    spec.disks = {disk("0", raw_image("zero"))};
    DiskSpec second = disk("1", overlay("one", raw_image("base"), "raw"));
    second.format = DiskFormat::qcow2;
    spec.disks.push_back(second);
    spec.nics = {user_nic("0")};
    spec.nics[0].host_device = "mig" + uuid_.substr(0, 6);
    return spec;
  }
  // A host of Xen's may have guests of others.
  int own_domains() {
    int count = 0;
    for (const DomainState& domain : hv().domains()) count += domain.ours ? 1 : 0;
    return count;
  }
  // The guest notes the time without end; afterwards the longest gap is for how long it stood.
  void watch_the_clock() {
    type("(while :; do cut -d' ' -f1 /proc/uptime; done >/tmp/clock) & sleep 1");
  }
  void tell_longest_gap() {
    if (!world().real_guests) return;
    const std::string line = terminal().run(
        "kill $!; awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 }"
        " END { print \"longest-gap\", gap }' /tmp/clock; rm /tmp/clock");
    const auto at = line.rfind("longest-gap ");
    if (at == std::string::npos) return;
    std::cout << "the guest stood for " << line.substr(at + 12, 5) << " s\n";
  }
  void type(const std::string& line) {
    if (world().real_guests) terminal().run(line);
  }
  // As the guest's shell prints it.
  void expect_typed(const std::string& line, const std::string& answer) {
    if (!world().real_guests) return;
    EXPECT_NE(terminal().run(line).find(answer), std::string::npos);
  }
};

TEST_F(MigrationContract, ARunningGuestMigratesToItselfAndRemembers) {
  start(guest_with_devices());
  if (world().real_guests) terminal().wait_for("TEST GUEST READY");
  type("remembered=apple; echo before > /dev/" + guest_disk("0", 0).substr(5) + "; sync");
  const DomainState before = state();
  EventReader events(hv());

  watch_the_clock();
  const auto began = std::chrono::steady_clock::now();
  const DomainState arrived = move_to_itself();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << "it took " << took.count() << " s\n";
  tell_longest_gap();
  EXPECT_EQ(arrived.uuid, uuid_);
  EXPECT_EQ(arrived.power, DomainPower::running);
  EXPECT_NE(arrived.domid, before.domid);
  EXPECT_EQ(arrived.name, before.name);
  EXPECT_EQ(arrived.start_time, before.start_time);
  EXPECT_EQ(arrived.nics.at(0).host_device, before.nics.at(0).host_device);
  EXPECT_EQ(own_domains(), 1);
  EXPECT_EQ(state().domid, arrived.domid);
  events.wait_for(EventKind::changed, uuid_);
  for (const Event& event : events.pending()) EXPECT_NE(event.kind, EventKind::ended_gone);

  expect_typed("echo \"I-know\"-$remembered", "I-know-apple");
  expect_typed("head -c 6 " + guest_disk("0", 0), "before");
  type("echo after > " + guest_disk("1", 1) + "; sync");
  expect_typed("head -c 5 " + guest_disk("1", 1), "after");

  // It is the VM's domain like any other: it can be moved again, standing, and be stopped.
  move_to_itself({false});
  expect_typed("echo \"I-know\"-$remembered", "I-know-apple");
  hv().unplug_nic(uuid_, "0");
  EXPECT_TRUE(state().nics.empty());
  hv().destroy(uuid_);
  EXPECT_EQ(own_domains(), 0);
}

TEST_F(MigrationContract, AReceiverThatGoesAwayLeavesTheGuestRunning) {
  start(guest_with_devices());
  type("remembered=pear");
  const std::int64_t domid = state().domid;
  Ends ends = connection();
  auto receiver = std::async(std::launch::async, [&ends] {
    // It reads all that comes, as far as that goes without an answer, and says nothing more.
    write_all(ends.receiver.get(), "ready\n");
    std::array<char, 65536> buffer;
    std::size_t received = 0;
    while (wait_readable(ends.receiver.get(), milliseconds(received < 4096 ? 60000 : 5000))) {
      const std::size_t n = read_some(ends.receiver.get(), buffer.data(), buffer.size());
      if (n == 0) break;
      received += n;
      if (!world().real_guests) break;
    }
    ends.receiver.reset();
  });
  EXPECT_EQ(code_of([&] { hv().migrate_send(uuid_, std::move(ends.sender), {}); }),
            "INTERNAL_ERROR");
  receiver.get();
  EXPECT_EQ(state().domid, domid);
  EXPECT_EQ(state().power, DomainPower::running);
  expect_typed("echo \"I-know\"-$remembered", "I-know-pear");
  type("echo later > " + guest_disk("1", 1) + "; sync");
  expect_typed("head -c 5 " + guest_disk("1", 1), "later");
  move_to_itself();
  expect_typed("echo \"I-know\"-$remembered", "I-know-pear");
}

TEST_F(MigrationContract, WhatTheReceiverRefusesTheSenderTells) {
  start(small_guest());
  Ends ends = connection();
  write_all(ends.receiver.get(), "failed {\"code\":\"SR_FULL\",\"params\":[\"1\",\"2\"]}\n");
  EXPECT_EQ(code_of([&] { hv().migrate_send(uuid_, std::move(ends.sender), {}); }), "SR_FULL");
  EXPECT_EQ(state().power, DomainPower::running);
}

TEST_F(MigrationContract, WhatIsNoGuestIsNotReceived) {
  Ends ends = connection();
  write_all(ends.sender.get(), std::string(5000, 'x'));
  EXPECT_EQ(code_of([&] { hv().migrate_receive(std::move(ends.receiver), {}); }),
            "VALUE_NOT_SUPPORTED");
  Ends others = connection();
  others.sender.reset();
  EXPECT_NE(code_of([&] { hv().migrate_receive(std::move(others.receiver), {}); }), "");
  EXPECT_EQ(own_domains(), 0);
}

TEST_F(MigrationContract, OnlyWhatRunsIsSent) {
  Ends ends = connection();
  EXPECT_EQ(code_of([&] { hv().migrate_send(uuid_, std::move(ends.sender), {}); }),
            "DOMAIN_NOT_FOUND");
  hv().build(small_guest());
  ends = connection();
  EXPECT_EQ(code_of([&] { hv().migrate_send(uuid_, std::move(ends.sender), {}); }),
            "OPERATION_NOT_ALLOWED");
}

}  // namespace
}  // namespace xcp::test
