// SPDX-License-Identifier: GPL-2.0-or-later
// Both ends of a migration (see migration_link.hpp). The switch is what the sender writes into the
// record kept with its domain: before, that one goes on whatever happens, and after it is never
// resumed. The receiver's backends open no disk before the sender's have written all.
#include <unistd.h>

#include <thread>

#include "base/describe.hpp"
#include "base/fault.hpp"
#include "base/ref.hpp"
#include "hypervisor/libxl/disks_at_rest.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/stream_pump.hpp"
#include "hypervisor/membership.hpp"
#include "hypervisor/pending.hpp"
#include "hypervisor/spec_check.hpp"
#include "hypervisor/stream_header.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::string_view stream_format = "XCPXMV01";
constexpr std::chrono::minutes patience_with_own_receiver{2};

Failure as_failure(const std::exception& error) {
  const auto* failure = dynamic_cast<const Failure*>(&error);
  return failure != nullptr ? *failure : internal_error(error.what());
}

bool stands_suspended(Context& context, std::uint32_t domid) {
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  const bool stands = libxl_domain_info(context, &info, domid) == 0 && info.shutdown &&
                      info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
  libxl_dominfo_dispose(&info);
  return stands;
}

// Xen follows what a guest writes meanwhile by shadow page tables, which a Xen may be built
// without, or, other guests than paravirtual ones, by the hardware's.
bool can_follow_writes(Context& context, GuestType type) {
  if (type != GuestType::pv) return true;
  libxl_physinfo machine;
  libxl_physinfo_init(&machine);
  const bool can = libxl_get_physinfo(context, &machine) == 0 && machine.cap_shadow;
  libxl_physinfo_dispose(&machine);
  return can;
}

Kept read_announcement(MigrationLink& link) {
  const auto text = read_stream_header(link.fd(), stream_format);
  if (!text)
    throw Failure("VALUE_NOT_SUPPORTED", {"stream", "", "no guest of the libxl driver is sent"});
  Kept kept = from_json<Kept>(parse_json(*text));
  if (!is_uuid(kept.spec.uuid) || !is_uuid(kept.migration))
    throw Failure("VALUE_NOT_SUPPORTED", {"stream", "", "the guest has no uuid"});
  return kept;
}

}  // namespace

bool LibxlDriver::is_member(const std::set<std::string>& set, const std::string& member) {
  std::lock_guard lock(mutex_);
  return set.contains(member);
}

// ---- sending ----------------------------------------------------------------------------------

// The guest stands suspended, all but the stream's end is with the receiver and nothing is on its
// way to a disk any more. Returns that end.
std::string LibxlDriver::send_memory(Context& context, const Found& found, MigrationLink& link,
                                     bool live) {
  StreamPump pump(link);
  live = live && can_follow_writes(context, found.kept->spec.type);
  const int code = libxl_domain_suspend(context, found.domid, pump.input(),
                                        live ? LIBXL_SUSPEND_LIVE : 0, nullptr);
  const Failure reason = context.failure("cannot send VM " + found.uuid, code);
  std::string end;
  try {
    end = pump.finish();
  } catch (const PeerLost&) {
    link.expect("built");  // it has said why
    throw;
  }
  if (code != 0) throw reason;
  fault_point("libxl.migrate_send.sent");
  bring_disks_to_rest(found.domid, found.kept->spec);
  return end;
}

// The guest runs on here. What the receiver has made of it is gone first, where that can be seen;
// it would not have let it run.
void LibxlDriver::go_on_here(Context& context, const Found& found) {
  const auto deadline = std::chrono::steady_clock::now() + patience_with_own_receiver;
  while (is_member(arriving_, found.uuid) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (!stands_suspended(context, found.domid)) return;
  let_disks_go_on(found.domid);
  context.check(resume_in_place(context, found.domid),
                "VM " + found.uuid + " could not be moved, and does not go on");
}

void LibxlDriver::migrate_send(std::string uuid, UniqueFd stream, SendOptions options) {
  MigrationLink link(std::move(stream));
  bool gone = false;
  try {
    const auto hold = locks_.hold(uuid);
    Context context;
    const Found found = require(context, uuid);
    if (found.paused)
      throw Failure("OPERATION_NOT_ALLOWED",
                    {"VM " + uuid + " is paused; only one that runs can be moved"});
    require_ready_to_suspend(found.domid, found.kept->spec);
    Kept moved = *found.kept;
    moved.migration = make_uuid();
    const Membership sending(mutex_, sending_, moved.migration);
    const PendingRecord record(settings_.state_dir + "/pending",
                               {PendingKind::send, uuid, {}, moved.migration});
    try {
      link.send(stream_header(stream_format, json_text(to_json(moved))));
      link.expect("ready");
      const std::string end = send_memory(context, found, link, options.live);
      fault_point("libxl.migrate_send.at_rest");
      link.send(end);
      link.expect("built");
      fault_point("libxl.migrate_send.built");
    } catch (const std::exception& error) {
      link.say_failed(as_failure(error));
      link.hang_up();
      go_on_here(context, found);
      throw;
    }
    let_go(context, found, moved, link, gone);
  } catch (const std::exception& error) {
    // Once the receiver has it, it must not hear that it failed.
    if (!gone) link.say_failed(as_failure(error));
    throw;
  }
}

void LibxlDriver::let_go(Context& context, const Found& found, const Kept& moved,
                         MigrationLink& link, bool& gone) {
  const std::string& uuid = found.uuid;
  const bool to_itself = is_member(arriving_, uuid);
  DomainState between = state_of(context, found);
  between.power = DomainPower::running;
  const auto shown = to_itself ? show_meanwhile(between) : nullptr;
  Kept left = *found.kept;
  left.standing = Standing::leaving;
  left.migration = moved.migration;
  try {
    write_kept(context, found.domid, left);
  } catch (const Failure& error) {
    link.say_failed(error);
    link.hang_up();
    go_on_here(context, found);
    throw;
  }
  gone = true;
  fault_point("libxl.migrate_send.let_go");
  const bool to_tell = claim_end(found.domid);
  std::optional<Failure> stays;
  try {
    take_down(context, found.domid);
  } catch (const Failure& error) {
    stays = error;  // it does not run, and the next daemon removes it
  }
  fault_point("libxl.migrate_send.gone");
  if (!to_itself) {
    clear_after(uuid);
    if (to_tell) events_.append(EventKind::ended_gone, uuid);
  }
  try {
    link.say("go");
    link.expect("done");
  } catch (const PeerLost&) {
    throw internal_error("VM " + uuid +
                         " was handed over whole, and its new host does not say that it runs; it "
                         "is running or paused there");
  }
  if (stays) throw *stays;
}

// ---- receiving --------------------------------------------------------------------------------

DomainState LibxlDriver::migrate_receive(UniqueFd stream, ReceiveOptions options) {
  return receive_for(Caller::anybody, std::move(stream), options);
}

DomainState LibxlDriver::receive_for(Caller caller, UniqueFd stream,
                                     const ReceiveOptions& options) {
  MigrationLink link(std::move(stream));
  try {
    Kept kept = read_announcement(link);
    require_right_to(kept, caller);
    const std::string uuid = kept.spec.uuid;
    if (!options.name.empty()) kept.spec.name = options.name;
    check_spec(kept.spec);
    check_for_xen(kept.spec);
    kept.standing = Standing::arriving;
    kept.arrives_paused = options.paused;
    const bool to_itself = is_member(sending_, kept.migration);
    // The sender has the VM's lock for as long as this takes.
    const auto hold = locks_.hold(to_itself ? uuid + " arriving" : uuid);
    Context context;
    if (!to_itself) {
      if (const auto there = find(context, uuid); there && there->kept)
        throw Failure("DOMAIN_EXISTS", {uuid, std::to_string(there->domid)});
      clear_after(uuid);
    }
    const Membership arriving(mutex_, arriving_, uuid);
    const PendingRecord record(settings_.state_dir + "/pending",
                               {PendingKind::receive, uuid, {}, kept.migration});
    Found found =
        make_arrival(context, kept, [&](libxl_domain_config* config, std::uint32_t* domid) {
          link.say("ready");
          return create_from_stream(context, config, domid, link.fd());
        });
    wait_for_go(context, found, link, to_itself);
    fault_point("libxl.migrate_receive.go");
    take_arrival(context, found, options.paused);
    fault_point("libxl.migrate_receive.taken");
    link.say("done");
    watch_console(found);
    follow(found);
    events_.append(EventKind::changed, uuid);
    return state_of(context, found);
  } catch (const std::exception& error) {
    link.say_failed(as_failure(error));
    throw;
  }
}

// The domain is made and paused. It is gone when this throws, unless the sender may have let it go.
void LibxlDriver::wait_for_go(Context& context, Found& found, MigrationLink& link, bool to_itself) {
  bool told = false;
  try {
    fault_point("libxl.migrate_receive.made");
    link.say("built");
    told = true;
    link.expect("go");
  } catch (const PeerLost&) {
    const bool sender_has_it = !told || (to_itself && find(context, found.uuid));
    if (sender_has_it) {
      libxl_domain_destroy(context, found.domid, nullptr);
      throw;
    }
    if (!to_itself) {
      take_arrival(context, found, true);
      watch_console(found);
      follow(found);
      events_.append(EventKind::changed, found.uuid);
      throw internal_error("the connection to the sender of VM " + found.uuid +
                           " broke when it may have been let go there: it is kept here, paused; "
                           "unpause it unless it runs there");
    }
  } catch (...) {
    libxl_domain_destroy(context, found.domid, nullptr);
    throw;
  }
  found.kept->standing = Standing::arrived;
  write_kept(context, found.domid, *found.kept);
}

}  // namespace xcp::hypervisor::libxl
