// SPDX-License-Identifier: GPL-2.0-or-later
// Guests that move: within one host and between two, and what is left of them when an end fails or
// its process is killed.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

#include "base/fault.hpp"
#include "base/fd.hpp"
#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

struct Connection {
  Connection() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw system_failure("socketpair", errno);
    sender.reset(ends[0]);
    receiver.reset(ends[1]);
  }
  UniqueFd sender, receiver;
};

struct Outcome {
  std::string sent, received;  // codes of failures
};

Outcome move(Hypervisor& from, Hypervisor& to, const std::string& uuid,
             const ReceiveOptions& options = {}) {
  Connection link;
  Outcome outcome;
  auto received = std::async(std::launch::async, [&] {
    return code_of([&] { to.migrate_receive(std::move(link.receiver), options); });
  });
  outcome.sent = code_of([&] { from.migrate_send(uuid, std::move(link.sender), {}); });
  outcome.received = received.get();
  return outcome;
}

class Migration : public SimTest {
 protected:
  ~Migration() override { arm_faults(""); }
};

TEST_F(Migration, BetweenTwoHostsTheGuestIsOnOneOfThem) {
  const auto other = make_sim(still_settings());
  start(small_vm(uuid));
  const GuestFacts facts = sim->guest(uuid);
  const Outcome outcome = move(*sim, *other, uuid);
  EXPECT_EQ(outcome.sent + outcome.received, "");
  EXPECT_EQ(events.all(), (Texts{"ended_gone " + uuid}));
  EXPECT_FALSE(sim->domain(uuid).has_value());
  const DomainState state = other->domain(uuid).value();
  EXPECT_EQ(state.power, DomainPower::running);
  EXPECT_TRUE(other->guest(uuid).agent_alive);
  EXPECT_EQ(other->guest(uuid).os_version, facts.os_version);
  EXPECT_EQ(sim->host().memory_free_bytes - other->host().memory_free_bytes, 1 << 30);
}

TEST_F(Migration, ItCanArrivePausedUnderAnotherName) {
  const auto other = make_sim(still_settings());
  start(small_vm(uuid));
  move(*sim, *other, uuid, {true, "newcomer"});
  EXPECT_EQ(other->domain(uuid)->power, DomainPower::paused);
  EXPECT_EQ(other->domain(uuid)->name, "newcomer");
  other->unpause(uuid);
  EXPECT_TRUE(other->guest(uuid).agent_alive);
}

TEST_F(Migration, MemoryOfTheHostIsTakenOnce) {
  start(small_vm(uuid));
  const std::int64_t free_bytes = sim->host().memory_free_bytes;
  EXPECT_EQ(move(*sim, *sim, uuid).sent, "");
  EXPECT_EQ(sim->host().memory_free_bytes, free_bytes);
  sim->destroy(uuid);
  EXPECT_EQ(sim->host().memory_free_bytes, free_bytes + (1 << 30));
}

TEST_F(Migration, AHostWithoutMemoryRefuses) {
  SimSettings small = still_settings();
  small.memory_bytes = small.host_memory_bytes + (512 << 20);
  const auto other = make_sim(small);
  start(small_vm(uuid));
  const Outcome outcome = move(*sim, *other, uuid);
  EXPECT_EQ(outcome.sent, "HOST_NOT_ENOUGH_FREE_MEMORY");
  EXPECT_EQ(outcome.received, "HOST_NOT_ENOUGH_FREE_MEMORY");
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  EXPECT_EQ(move(*sim, *sim, uuid).sent, "");
}

TEST_F(Migration, AtEachFaultTheGuestIsThereOnce) {
  for (const char* place :
       {"sim.migrate_send.before", "sim.migrate_send.middle", "sim.migrate_send.built",
        "sim.migrate_send.gone", "sim.migrate_receive.before", "sim.migrate_receive.middle",
        "sim.migrate_receive.after"})
    for (const bool to_itself : {true, false}) {
      SCOPED_TRACE(place);
      const auto here = make_sim(still_settings());
      const auto there = make_sim(still_settings());
      here->build(small_vm(uuid));
      here->unpause(uuid);
      arm_faults(std::string(place) + "=error");
      move(*here, to_itself ? *here : *there, uuid);
      arm_faults("");
      EXPECT_EQ(here->domains().size() + there->domains().size(), 1u);
      const bool cut_off = !to_itself && place == std::string("sim.migrate_send.gone");
      for (Hypervisor* host : {here.get(), there.get()})
        for (const DomainState& state : host->domains())
          EXPECT_EQ(state.power, cut_off ? DomainPower::paused : DomainPower::running);
    }
}

// Without the fixture: a process with threads of a driver must not be forked.
TEST(MigrationDurability, AKillFindsTheGuestOnce) {
  const TemporaryDirectory directory;
  const std::string uuid = "11111111-2222-4333-8444-555555555555";
  for (const char* place : {"sim.migrate_send.middle", "sim.migrate_send.built",
                            "sim.migrate_send.gone", "sim.migrate_receive.middle"}) {
    SCOPED_TRACE(place);
    SimSettings settings = still_settings();
    settings.state_dir = directory.path(place);
    const pid_t child = fork();
    if (child == 0) {
      const auto host = make_sim(settings);
      host->build(small_vm(uuid));
      host->unpause(uuid);
      arm_faults(std::string(place) + "=kill");
      move(*host, *host, uuid);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto host = make_sim(settings);
    ASSERT_EQ(host->domains().size(), 1u);
    EXPECT_EQ(host->domain(uuid)->power, DomainPower::running);
    EXPECT_EQ(move(*host, *host, uuid).sent, "");
  }
}

}  // namespace
}  // namespace xcp::hypervisor
