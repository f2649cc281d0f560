// SPDX-License-Identifier: GPL-2.0-or-later
// What the simulated host remembers, as texts for its journal and for saved states.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "hypervisor/sim/guest.hpp"

namespace xcp::hypervisor::sim {

// Orders given by control("behaviour"): key -> value.
using Behaviour = std::map<std::string, std::string>;

struct HostRecord {
  std::string boot_id;  // of the machine; another one: all guests are gone
  std::int64_t clock_offset_ms = 0;
  std::int64_t next_domid = 1;
  std::map<std::string, Behaviour> behaviours;  // domain's uuid or "*"
};
BOOST_DESCRIBE_STRUCT(HostRecord, (), (boot_id, clock_offset_ms, next_domid, behaviours))

// A guest that has come whole from another place, paused, and is not the VM's domain yet.
struct Incoming {
  Domain domain;
  std::string migration;  // the sender's name for this one migration
  bool stays_paused = false;
};
BOOST_DESCRIBE_STRUCT(Incoming, (), (domain, migration, stays_paused))

// One record of the journal: exactly one member is set.
struct Entry {
  std::optional<Domain> domain;     // it is so now; an incoming one of this number has become it
  std::optional<std::string> gone;  // it is no more
  std::optional<HostRecord> host;
  std::optional<Incoming> incoming;
  std::optional<std::string> refused;  // what was incoming of this VM is no more
};
BOOST_DESCRIBE_STRUCT(Entry, (), (domain, gone, host, incoming, refused))

std::string domain_entry(const Domain& domain);
std::string gone_entry(const std::string& uuid);
std::string host_entry(const HostRecord& host);
std::string incoming_entry(const Incoming& incoming);
std::string refused_entry(const std::string& uuid);
Entry parse_entry(const std::string& text);

// A saved state: a line that names the format, the domain, and a check of both. parse gives nullopt
// for anything else than a whole file of ours.
std::string saved_state_text(const Domain& domain);
std::optional<Domain> parse_saved_state(const std::string& text);

// A domain for people, as JSON.
std::string domain_text(const Domain& domain);

}  // namespace xcp::hypervisor::sim
