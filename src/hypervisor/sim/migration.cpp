// SPDX-License-Identifier: GPL-2.0-or-later
// Both ends of a migration (see migration_link.hpp). A guest that moves within this host changes
// from its old domain to its new one in one record of the journal, so that a kill finds it in one
// of the two; between two hosts the receiver has it on disk before the sender lets go of it.
#include "base/describe.hpp"
#include "base/failure.hpp"
#include "base/fault.hpp"
#include "base/ref.hpp"
#include "hypervisor/membership.hpp"
#include "hypervisor/sim/simulation.hpp"
#include "hypervisor/stream_header.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr std::string_view format = "XCPSIM01";

struct Announcement {
  std::string uuid;
  std::string migration;
  std::int64_t memory_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Announcement, (), (uuid, migration, memory_bytes))

std::string read_text(MigrationLink& link) {
  const auto text = read_stream_header(link.fd(), format);
  if (!text) throw Failure("VALUE_NOT_SUPPORTED", {"stream", "", "it is no simulated guest's"});
  return *text;
}

Failure as_failure(const std::exception& error) {
  const auto* failure = dynamic_cast<const Failure*>(&error);
  return failure != nullptr ? *failure : internal_error(error.what());
}

}  // namespace

bool Simulation::is_own_migration(const std::string& migration) {
  std::lock_guard lock(mutex_);
  return sending_.contains(migration);
}

// ---- sending ------------------------------------------------------------------------------------

void Simulation::migrate_send(std::string uuid, UniqueFd stream, SendOptions options) {
  MigrationLink link(std::move(stream));
  bool frozen = false;
  bool gone = false;
  try {
    Operation operation(*this, "migrate_send", uuid);
    std::int64_t memory_bytes;
    {
      std::lock_guard lock(mutex_);
      const Domain& domain = find_ours_locked(uuid);
      if (domain.phase == Phase::crashed) throw Failure("VM_CRASHED", {uuid});
      if (!is_running(domain))
        throw Failure("OPERATION_NOT_ALLOWED", {"VM " + uuid +
                                                " is paused; only one that runs "
                                                "can be moved"});
      memory_bytes = domain.memory_claim_bytes;
    }
    const std::string migration = make_uuid();
    const Membership sending(mutex_, sending_, migration);
    Announcement announcement{uuid, migration, memory_bytes};
    link.send(stream_header(format, json_text(to_json(announcement))));
    link.expect("ready");
    if (!options.live) {
      freeze(uuid);
      frozen = true;
    }
    operation.take_time(Duration::migrate);
    if (!frozen) freeze(uuid);
    frozen = true;
    send_guest(link, uuid, migration, gone);
    operation.done();
  } catch (const std::exception& error) {
    if (gone) throw;  // the receiver has it, and must not hear that it failed
    link.say_failed(as_failure(error));
    link.hang_up();
    if (frozen) thaw(uuid);
    throw;
  }
}

// The guest is frozen. `gone`: it is not this host's any more, whatever is thrown afterwards.
void Simulation::send_guest(MigrationLink& link, const std::string& uuid,
                            const std::string& migration, bool& gone) {
  std::string text;
  {
    std::lock_guard lock(mutex_);
    text = saved_state_text(find_ours_locked(uuid));
  }
  link.send(stream_header(format, text));
  link.expect("built");
  fault_point("sim.migrate_send.built");
  {
    std::lock_guard lock(mutex_);
    const auto arrived = incoming_.find(uuid);
    if (arrived != incoming_.end() && arrived->second.migration == migration) {
      take_incoming_locked(uuid, arrived->second.stays_paused);
    } else {
      store_locked(gone_entry(uuid));
      erase_locked(uuid);
      publish_locked(EventKind::ended_gone, uuid);
    }
    gone = true;
  }
  fault_point("sim.migrate_send.gone");
  consoles_->wake();
  link.say("go");
  link.expect("done");
}

// ---- receiving ----------------------------------------------------------------------------------

void Simulation::keep_incoming(Incoming incoming, bool to_itself) {
  std::lock_guard lock(mutex_);
  Domain& domain = incoming.domain;
  const std::string uuid = domain.spec.uuid;
  domain.state.domid = host_.next_domid++;
  std::size_t taken = 0;
  const auto release = [&] {
    for (std::size_t i = 0; i < taken; ++i) release_nic_locked(domain, domain.state.nics[i]);
  };
  try {
    // Within one host NICs go from the old domain to the new one.
    for (NicSpec& nic : domain.state.nics) {
      if (to_itself) break;
      take_nic_locked(domain, nic);
      ++taken;
    }
    store_locked(incoming_entry(incoming));
  } catch (...) {
    release();
    throw;
  }
  incoming_.insert_or_assign(uuid, std::move(incoming));
}

void Simulation::drop_incoming(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  const auto found = incoming_.find(uuid);
  if (found == incoming_.end()) return;
  const Domain domain = std::move(found->second.domain);
  incoming_.erase(found);
  claimed_bytes_ -= domain.memory_claim_bytes;
  if (!domains_.contains(uuid))
    for (const NicSpec& nic : domain.state.nics) release_nic_locked(domain, nic);
  store_guest_driven_locked(refused_entry(uuid));
}

void Simulation::take_incoming_locked(const std::string& uuid, bool paused) {
  Incoming& incoming = incoming_.at(uuid);
  Domain domain = incoming.domain;
  domain.state.power = paused ? DomainPower::paused : DomainPower::running;
  domain.since_ms = timeline_->now_ms();
  store_locked(domain_entry(domain));
  incoming_.erase(uuid);
  if (const auto old = domains_.find(uuid); old != domains_.end()) {
    claimed_bytes_ -= old->second.memory_claim_bytes;
    uuids_by_domid_.erase(old->second.state.domid);
  }
  uuids_by_domid_[domain.state.domid] = uuid;
  arm_locked(domains_.insert_or_assign(uuid, std::move(domain)).first->second);
  publish_locked(EventKind::changed, uuid);
}

DomainState Simulation::migrate_receive(UniqueFd stream, ReceiveOptions options) {
  MigrationLink link(std::move(stream));
  std::string uuid;
  bool kept = false;
  bool to_itself = false;
  try {
    const auto announced = from_json<Announcement>(parse_json(read_text(link)));
    if (!is_uuid(announced.uuid)) throw Failure("INVALID_VALUE", {"uuid", announced.uuid});
    to_itself = is_own_migration(announced.migration);
    // The sender has the domain's lock for as long as this takes.
    Operation operation(*this, "migrate_receive", announced.uuid,
                        to_itself ? announced.uuid + " arriving" : "");
    if (!to_itself) require_absent(announced.uuid);
    Claim claim(*this, announced.memory_bytes);
    link.say("ready");
    const auto saved = parse_saved_state(read_text(link));
    if (!saved || saved->spec.uuid != announced.uuid)
      throw Failure("VALUE_NOT_SUPPORTED", {"stream", "", "the guest did not come whole"});
    operation.middle();
    VmSpec spec = saved->spec;
    if (!options.name.empty()) spec.name = options.name;
    spec.disks = saved->state.disks;
    spec.nics = saved->state.nics;
    Incoming incoming{with_memory(std::move(spec), *saved), announced.migration, options.paused};
    incoming.domain.state.start_time = saved->state.start_time;
    if (to_itself) incoming.domain.addresses = saved->addresses;
    incoming.domain.memory_claim_bytes = announced.memory_bytes;
    keep_incoming(std::move(incoming), to_itself);
    uuid = announced.uuid;
    kept = true;
    {
      std::lock_guard lock(mutex_);
      claim.keep_locked();
    }
    link.say("built");
    link.expect("go");
    DomainState state;
    {
      std::lock_guard lock(mutex_);
      if (incoming_.contains(uuid)) take_incoming_locked(uuid, options.paused);
      kept = false;
      state = find_ours_locked(uuid).state;
    }
    consoles_->wake();
    link.say("done");
    operation.done();
    return state;
  } catch (const PeerLost& lost) {
    if (kept && !to_itself) {
      // The sender may have let go of it.
      std::lock_guard lock(mutex_);
      take_incoming_locked(uuid, true);
    } else if (kept) {
      drop_incoming(uuid);
    }
    link.say_failed(lost);
    throw;
  } catch (const std::exception& error) {
    if (kept) drop_incoming(uuid);
    link.say_failed(as_failure(error));
    throw;
  }
}

}  // namespace xcp::hypervisor::sim
