// SPDX-License-Identifier: GPL-2.0-or-later
// A simulated domain and what follows from its state alone: what its agent reports, what it has
// used, how far it has booted. Pure; no clock, no lock.
//
// A guest lives in its own time, `active_ms`: milliseconds it has really run. It stands still while
// the domain is paused or saved, so nothing a guest does has to be rescheduled for that.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor::sim {

BOOST_DEFINE_ENUM_CLASS(Phase, built, booting, up, crashed)
BOOST_DEFINE_ENUM_CLASS(ActionKind, booted, agent_up, poweroff, reboot, crash, balloon)
BOOST_DEFINE_ENUM_CLASS(Request, nothing, poweroff, reboot)

// Something the guest will do when its own time comes to `due_active_ms`.
struct GuestAction {
  ActionKind kind = ActionKind::booted;
  std::int64_t due_active_ms = 0;
};
BOOST_DESCRIBE_STRUCT(GuestAction, (), (kind, due_active_ms))

struct Domain {
  VmSpec spec;  // without disks and NICs: they are in `state`
  DomainState state;
  Phase phase = Phase::built;
  Request request = Request::nothing;  // came while booting: obeyed afterwards
  bool agent = false;
  std::int64_t active_ms = 0;  // up to `since_ms`
  std::int64_t since_ms = 0;   // simulated time at which the domain began to run
  std::int64_t boots = 0;
  std::int64_t crashes_in_a_row = 0;
  std::int64_t boot_began_active_ms = 0;
  std::int64_t boot_length_ms = 0;
  std::int64_t memory_target_bytes = 0;
  std::int64_t memory_claim_bytes = 0;  // what the host has set aside: the larger of now and target
  std::uint64_t draws = 0;              // random numbers used up
  std::vector<GuestAction> actions;
  std::map<std::string, std::string> addresses;           // NIC -> IPv4
  std::map<std::string, std::int64_t> plugged_active_ms;  // "disk/1", "nic/0": if after the build
  std::vector<std::int64_t> vcpu_added_active_ms;
};
BOOST_DESCRIBE_STRUCT(Domain, (),
                      (spec, state, phase, request, agent, active_ms, since_ms, boots,
                       crashes_in_a_row, boot_began_active_ms, boot_length_ms, memory_target_bytes,
                       memory_claim_bytes, draws, actions, addresses, plugged_active_ms,
                       vcpu_added_active_ms))

bool is_running(const Domain& domain);

// The guest's own time at a simulated time, and the reverse (the domain must be running).
std::int64_t active_ms_at(const Domain& domain, std::int64_t now_ms);
std::int64_t time_of_active_ms(const Domain& domain, std::int64_t active_ms);

GuestFacts facts_of(const Domain& domain);
DomainStats stats_of(const Domain& domain, std::int64_t now_ms, std::uint64_t seed);

// A name a guest might give itself: letters, digits and dashes of its label.
std::string host_name_of(const Domain& domain);

// Nullptr when there is no such device.
DiskSpec* find_disk(Domain& domain, const std::string& device);
NicSpec* find_nic(Domain& domain, const std::string& device);

}  // namespace xcp::hypervisor::sim
