// SPDX-License-Identifier: GPL-2.0-or-later
// The contract on Xen, through libxl. A domain is ours when libxl keeps our record with it
// (userdata "xcp", which goes with the domain): the VmSpec as it is now and when the VM was
// started, so that a new daemon sees what the old one saw, and a guest that reboots is made again
// as it was. All other domains are seen and left alone. A reboot, the guest's own or ours, makes a
// new domain: its number changes. Each call has a libxl context of its own; actions take the
// domain's lock, reading does not. State directory:
//   sockets/   <uuid>.vnc, made by QEMU, removed by us
//   consoles/  the consoles' rings
//   pending/   what to clear away should we be killed now
#pragma once

#include <boost/describe.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "hypervisor/console_hub.hpp"
#include "hypervisor/driver.hpp"
#include "hypervisor/event_log.hpp"
#include "hypervisor/keyed_locks.hpp"
#include "hypervisor/libxl/domain_config.hpp"
#include "hypervisor/libxl/watch.hpp"
#include "hypervisor/migration_link.hpp"
#include "hypervisor/pending.hpp"

namespace xcp::hypervisor::libxl {

// What is kept with a domain of ours.
// own: it is the VM's domain. While a VM is moved there are two: the one it leaves, when that will
// not be resumed any more, and the one that is arriving, or has arrived: the sender has let it go.
BOOST_DEFINE_ENUM_CLASS(Standing, own, leaving, arriving, arrived)

struct Kept {
  VmSpec spec;
  std::int64_t start_time = 0;
  std::string owner;  // state directory of its daemon: two daemons leave each other's domains alone
  Standing standing = Standing::own;
  std::string migration = {};  // unless own
  bool arrives_paused = false;
  std::string configuration = {};  // what it is besides, see XenDomains::create
};
BOOST_DESCRIBE_STRUCT(Kept, (),
                      (spec, start_time, owner, standing, migration, arrives_paused, configuration))

// Who hands over a guest's memory: a configuration that comes with it may name programs to run as
// root, so it is root's to bring.
enum class Caller { anybody, root };

// Throws OPERATION_NOT_ALLOWED.
void require_right_to(const Kept& kept, Caller caller);

class LibxlDriver : public Hypervisor {
 public:
  explicit LibxlDriver(const DriverSettings& settings);
  ~LibxlDriver() override;

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

  // What the methods above and those of XenDomains have in common.
  DomainState build_as(VmSpec spec, std::string configuration);
  DomainState restore_for(Caller caller, VmSpec spec, const std::string& path);
  DomainState receive_for(Caller caller, UniqueFd stream, const ReceiveOptions& options);

  // Xen knows the domain by another name now (controls_domains.cpp).
  void renamed(std::uint32_t domid, const std::string& name);

 private:
  // ---- finding (domains.cpp)
  struct Found {
    std::uint32_t domid = no_domain;
    std::string uuid;
    bool paused = false;
    bool stopped = false;  // shut down, and not yet cleared away
    int stop_reason = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t vcpus = 0;
    std::optional<Kept> kept;  // nullopt: not ours, or being built
  };
  Found read_found(Context& context, const libxl_dominfo& info) const;
  // With those that arrive and leave.
  std::vector<Found> every(Context& context) const;
  std::vector<Found> all(Context& context);
  std::optional<Found> find(Context& context, const std::string& uuid);
  std::optional<Found> find_number(Context& context, std::uint32_t domid) const;
  // nullopt when it does not run; throws for a domain that is not ours.
  std::optional<Found> find_ours(Context& context, const std::string& uuid);
  // Throws DOMAIN_NOT_FOUND as well.
  Found require(Context& context, const std::string& uuid);
  DomainState state_of(Context& context, const Found& found);
  std::optional<Kept> read_kept(Context& context, std::uint32_t domid) const;
  void write_kept(Context& context, std::uint32_t domid, Kept kept) const;

  // ---- making and ending (lifecycle.cpp)
  using Create = std::function<int(libxl_domain_config*, std::uint32_t*)>;
  Places places_for(const VmSpec& spec) const;
  static void require_readable(const std::string& uuid, const DiskSpec& disk);
  void require_memory(Context& context, libxl_domain_config* config);
  Found make_domain(Context& context, const Kept& kept, const VmSpec& spec, const std::string& name,
                    const Places& places, const Create& create);
  Found bring_up(Context& context, const Kept& kept, const Create& create);
  // What domain() says of a VM while it has no domain, as long as the result lives.
  std::shared_ptr<void> show_meanwhile(const DomainState& state);
  Found build_anew(Context& context, const Kept& kept);
  void follow(const Found& found);
  void watch_console(const Found& found);
  // Ends the domain; the end is told by the caller.
  void take_down(Context& context, std::uint32_t domid);
  void clear_after(const std::string& uuid);
  void restart(Context& context, const Found& found);
  // True for the one who is to tell of this domain's end.
  bool claim_end(std::uint32_t domid);
  void not_ended(std::uint32_t domid, const std::string& uuid);

  // ---- domains that end by themselves (ends.cpp)
  struct End {
    std::uint32_t domid;
    std::string uuid;
    bool gone;
    int reason;
  };
  void post_end(End end);
  void work_on_ends();
  void handle(const End& end);
  void handle_stop(Context& context, const Found& found, int reason);
  void end_stopped(Context& context, const Found& found, libxl_action_on_shutdown action,
                   EventKind told);
  void dump_core(Context& context, const Found& found);
  void put_aside(Context& context, const Found& found);

  // ---- the past (reconnect, in libxl_driver.cpp)
  void clear_left_over(Context& context);
  void adopt_running(Context& context);
  static bool see_real_devices(Context& context, const Found& found, Kept& kept);

  // ---- devices (devices.cpp)
  void attach(Context& context, const Found& found, const DiskSpec& disk);
  void detach(Context& context, const Found& found, const DiskSpec& disk);
  void write_to_new_images(Context& context, const Found& found,
                           const std::map<std::string, DiskSpec>& new_images);

  // ---- memory images (memory_image.cpp)
  void write_image(Context& context, const Found& found, const std::string& path);
  static void require_ready_to_suspend(std::uint32_t domid, const VmSpec& spec);
  static int create_from_stream(Context& context, libxl_domain_config* config, std::uint32_t* domid,
                                int stream);

  // ---- moving (migration.cpp, arrivals.cpp)
  std::string send_memory(Context& context, const Found& found, MigrationLink& link, bool live);
  void go_on_here(Context& context, const Found& found);
  // `gone`: set as soon as the domain will not be resumed any more, whatever is thrown.
  void let_go(Context& context, const Found& found, const Kept& moved, MigrationLink& link,
              bool& gone);
  void wait_for_go(Context& context, Found& found, MigrationLink& link, bool to_itself);
  bool is_member(const std::set<std::string>& set, const std::string& member);
  Places places_of_arrival(const Kept& kept) const;
  Found make_arrival(Context& context, const Kept& kept, const Create& create);
  void take_arrival(Context& context, Found& found, bool paused);
  void sort_out_migrations(Context& context, const std::vector<LeftOver>& left);

  const DriverSettings settings_;
  EventLog events_;
  KeyedLocks locks_;
  ConsoleHub consoles_;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::deque<End> ends_;
  bool stopping_ = false;
  std::map<std::uint32_t, std::string> followed_;  // domains whose end nobody has claimed yet
  std::set<std::string> building_;                 // by uuid
  std::map<std::string, DomainState> restarting_;  // between their old domain and the new one
  std::set<std::string> sending_;                  // migrations that begin here
  std::set<std::string> arriving_;                 // by uuid
  std::set<std::string> names_;                    // libxl's, of domains being built
  std::map<std::string, std::chrono::steady_clock::time_point> reboot_asked_;

  std::vector<std::thread> workers_;
  std::unique_ptr<DomainWatch> watch_;
};

}  // namespace xcp::hypervisor::libxl
