// SPDX-License-Identifier: GPL-2.0-or-later
// The driver itself. Every call: take the domain's lock, let simulated time pass, then change the
// state in one step (journal first, memory and event after it). Guests act on the timeline's thread
// without the domain's lock, so a call looks at the domain again after its time has passed.
//
// Locks, in this order: the domain's (one call after the other), `mutex_` (everything in memory;
// held for microseconds), those of timeline, events, faults and consoles.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "hypervisor/event_log.hpp"
#include "hypervisor/hypervisor.hpp"
#include "hypervisor/keyed_locks.hpp"
#include "hypervisor/migration_link.hpp"
#include "hypervisor/sim/consoles.hpp"
#include "hypervisor/sim/faults.hpp"
#include "hypervisor/sim/guest.hpp"
#include "hypervisor/sim/journal.hpp"
#include "hypervisor/sim/record.hpp"
#include "hypervisor/sim/sim.hpp"
#include "hypervisor/sim/timeline.hpp"
#include "hypervisor/sim/timing.hpp"

namespace xcp::hypervisor::sim {

class Simulation : public Hypervisor {
 public:
  explicit Simulation(const SimSettings& settings);
  ~Simulation() override;

  HostFacts host() override;
  std::vector<DomainState> domains() override;
  std::optional<DomainState> domain(std::string uuid) override;
  GuestFacts guest(std::string uuid) override;
  std::vector<DomainStats> stats() override;

  DomainState build(VmSpec spec) override;
  void unpause(std::string uuid) override;
  void pause(std::string uuid) override;
  void shutdown(std::string uuid, ShutdownKind kind) override;
  void destroy(std::string uuid) override;
  void reset(std::string uuid) override;
  void forget(std::string uuid) override;

  void save(std::string uuid, std::string path) override;
  DomainState restore(VmSpec spec, std::string path) override;
  void checkpoint(std::string uuid, std::string path,
                  std::map<std::string, DiskSpec> new_images) override;
  void migrate_send(std::string uuid, UniqueFd stream, SendOptions options) override;
  DomainState migrate_receive(UniqueFd stream, ReceiveOptions options) override;

  void plug_disk(std::string uuid, DiskSpec disk) override;
  void unplug_disk(std::string uuid, std::string device) override;
  void change_medium(std::string uuid, std::string device, DiskSpec medium) override;
  void switch_images(std::string uuid, std::map<std::string, DiskSpec> new_images) override;
  void plug_nic(std::string uuid, NicSpec nic) override;
  void unplug_nic(std::string uuid, std::string device) override;

  void set_vcpus(std::string uuid, std::int64_t vcpus) override;
  void set_memory_target(std::string uuid, std::int64_t bytes) override;

  UniqueFd console(std::string uuid, ConsoleKind kind) override;
  EventBatch events(std::string epoch, std::uint64_t after,
                    std::chrono::milliseconds timeout) override;
  std::string control(std::string command, std::map<std::string, std::string> args) override;

 private:
  // One call of the contract from its start to its end: holds the domain's lock and passes the
  // points at which faults strike.
  class Operation {
   public:
    // `lock`: in place of the domain's.
    Operation(Simulation& simulation, const char* method, std::string uuid,
              const std::string& lock = {});
    // Lets the time pass that such an operation takes, then passes the middle point.
    void take_time(Duration what);
    void middle() { pass(Point::middle); }
    void done() { pass(Point::after); }

   private:
    // Faults ordered through control(), and those of base/fault.hpp as sim.<method>.<point>.
    void pass(Point point);

    Simulation& simulation_;
    const char* method_;
    const std::string uuid_;
    std::optional<KeyedLocks::Hold> hold_;
  };

  // Memory of the host set aside for a domain that is being made; given back unless kept.
  class Claim {
   public:
    Claim(Simulation& simulation, std::int64_t bytes);  // HOST_NOT_ENOUGH_FREE_MEMORY
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    void keep_locked() { bytes_ = 0; }

   private:
    Simulation& simulation_;
    std::int64_t bytes_;
  };

  // Returns false when there was nothing to do. Throwing leaves everything as it was.
  using Change = std::function<bool(Domain&)>;

  // All that end in _locked want `mutex_` held.
  Domain& find_locked(const std::string& uuid);       // DOMAIN_NOT_FOUND [uuid]
  Domain& find_ours_locked(const std::string& uuid);  // OPERATION_NOT_ALLOWED for a foreign one
  void require_ours(const std::string& uuid);
  // Applies `what` to a copy, keeps it durably, then shows it.
  void change(const std::string& uuid, const Change& what,
              std::optional<EventKind> event = EventKind::changed);
  void change_locked(const std::string& uuid, const Change& what,
                     std::optional<EventKind> event = EventKind::changed);
  void store_locked(const std::string& entry);
  void store_guest_driven_locked(const std::string& entry) noexcept;
  void store_host_locked();
  void rewrite_journal_locked();
  void load();
  void adopt_locked(Domain domain);
  void erase_locked(const std::string& uuid);

  std::int64_t draw_locked(Duration what, Domain& domain);
  std::int64_t free_memory_locked() const;
  void require_free_locked(std::int64_t bytes) const;  // HOST_NOT_ENOUGH_FREE_MEMORY
  bool behaves_locked(const Domain& domain, const std::string& key) const;

  std::string own_nvram_path(const std::string& uuid) const;

  // A domain made from a spec, not yet visible.
  void check_spec(const VmSpec& spec) const;
  void check_disk(const DiskSpec& disk) const;
  void check_nic(const NicSpec& nic) const;
  void require_absent(const std::string& uuid);  // DOMAIN_EXISTS [uuid, domid]
  Domain from_spec(VmSpec spec) const;
  // What `spec` says, with the memory of the guest that was saved.
  Domain with_memory(VmSpec spec, const Domain& saved) const;
  DomainState make_visible(Domain domain, Claim& claim);
  // Fills in what the driver chooses for a NIC (name of its tap, ports, address) and takes it.
  void take_nic_locked(Domain& domain, NicSpec& nic);
  void release_nic_locked(const Domain& domain, const NicSpec& nic);

  // What guests do.
  void on_wake(std::int64_t domid, std::int64_t due_ms);
  void perform_locked(Domain& domain, const GuestAction& action);
  void arm_locked(const Domain& domain);
  void start_boot_locked(Domain& domain, std::int64_t active_ms);
  void guest_ends_locked(Domain& domain, std::int64_t active_ms, OnEvent what, EventKind end);
  void request_locked(Domain& domain, Request request, std::int64_t active_ms);
  std::string tell_guest(const std::map<std::string, std::string>& args);
  std::optional<ConsoleView> console_view(std::int64_t domid);
  void console_command(std::int64_t domid, GuestCommand command);

  // Saving.
  void freeze(const std::string& uuid);
  void thaw(const std::string& uuid);
  void switch_images_in(Domain& domain, const std::map<std::string, DiskSpec>& new_images) const;

  // Moving (migration.cpp).
  void send_guest(MigrationLink& link, const std::string& uuid, const std::string& migration,
                  bool& gone);
  bool is_own_migration(const std::string& migration);
  void keep_incoming(Incoming incoming, bool to_itself);
  void drop_incoming(const std::string& uuid);
  // The incoming guest becomes the VM's domain, whatever was that before.
  void take_incoming_locked(const std::string& uuid, bool paused);

  std::string add_fault(std::map<std::string, std::string> args);
  std::string set_behaviour(std::map<std::string, std::string> args);
  std::string change_foreign(std::map<std::string, std::string> args);

  const SimSettings settings_;
  KeyedLocks domain_locks_;
  std::mutex mutex_;
  std::unordered_map<std::string, Domain> domains_;
  std::unordered_map<std::int64_t, std::string> uuids_by_domid_;
  std::unordered_map<std::string, Incoming> incoming_;  // by the VM's uuid
  std::set<std::string> sending_;                       // migrations that begin here
  std::set<std::string> host_devices_;
  std::set<int> forwarded_ports_;
  std::set<std::string> leased_addresses_;
  HostRecord host_;
  std::int64_t claimed_bytes_ = 0;
  Timing timing_;
  std::optional<Journal> journal_;
  bool journal_behind_ = false;  // a guest did something the journal could not take
  EventLog events_;
  std::int64_t events_to_drop_ = 0;
  Faults faults_;
  std::unique_ptr<Timeline> timeline_;
  std::unique_ptr<Consoles> consoles_;

  void publish_locked(EventKind kind, const std::string& uuid);
};

}  // namespace xcp::hypervisor::sim
