// SPDX-License-Identifier: GPL-2.0-or-later
// The contract on libvirt. Domains are transient and marked as ours in their metadata; everything
// that must be known of a running guest is in libvirt's XML, so that a new daemon sees what the old
// one saw. Actions take the domain's lock; reading does not. State directory:
//   libvirt/   root of the embedded driver (stand-alone mode)
//   sockets/   <uuid>.serial, <uuid>.agent, made by libvirt, removed by us
//   consoles/  the consoles' rings
//   nvram/     variable stores of guests whose spec names none, until forget()
//   pending/   what to clear away should we be killed now
//   clean      is there when the last daemon was not killed
#pragma once

#include <libvirt/libvirt.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "hypervisor/console_hub.hpp"
#include "hypervisor/driver.hpp"
#include "hypervisor/event_log.hpp"
#include "hypervisor/keyed_locks.hpp"
#include "hypervisor/libvirt/agent_watch.hpp"
#include "hypervisor/libvirt/connection.hpp"
#include "hypervisor/libvirt/domain_state.hpp"
#include "hypervisor/libvirt/domain_xml.hpp"
#include "hypervisor/libvirt/reaper.hpp"
#include "hypervisor/libvirt/short_path.hpp"
#include "hypervisor/libvirt/signals.hpp"
#include "hypervisor/libvirt/strays.hpp"

namespace xcp::hypervisor::libvirt {

class LibvirtDriver : public Hypervisor {
 public:
  explicit LibvirtDriver(const DriverSettings& settings);
  ~LibvirtDriver() override;

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
  // ---- finding (libvirt_driver.cpp)
  struct Found {
    DomainHandle handle;
    DomainView view;
  };
  // nullopt when it does not run; throws for a domain that is not ours.
  std::optional<Found> find_ours(const std::string& uuid);
  // Throws DOMAIN_NOT_FOUND as well.
  Found require(const std::string& uuid);
  DomainView view_of(virDomainPtr domain, const std::string& uuid);
  static DomainPower power_of(virDomainPtr domain);

  // ---- the past (reconnect.cpp)
  bool still_runs(const std::string& uuid);
  void clear_left_over();
  void adopt_running();
  void confirm(const std::string& uuid);
  void look_for_strays(const std::string& uuid);
  std::optional<std::string> stray_alias(const std::string& uuid, const std::string& device);
  void require_no_strays(const std::string& uuid);
  void unplug_stray(const Found& found, const std::string& device, const std::string& alias);
  std::string unspent(const std::string& uuid, const std::string& alias);

  // ---- making and ending (lifecycle.cpp)
  struct Nvram {
    std::string path;
    bool fresh = false;  // does not exist yet
  };
  // Throws HOST_NOT_ENOUGH_FREE_MEMORY.
  void require_memory(std::int64_t bytes);
  void require_absent(const std::string& uuid);
  std::string kept_nvram(const std::string& uuid) const;
  Nvram choose_nvram(const VmSpec& spec) const;
  DomainState bring_up(const VmSpec& spec, const Mark& mark,
                       const std::function<void(virConnectPtr)>& create);
  bool ask_agent_to_end(const Found& found, bool reboot);
  void abandon(const std::string& uuid);
  void end(virDomainPtr domain, const std::string& uuid);
  void clear_after(const std::string& uuid);
  void clear_after_end(const std::string& uuid);

  // ---- NICs in user mode (devices.cpp)
  std::vector<PortForward> add_forwards(virDomainPtr domain, const std::string& uuid,
                                        const NicSpec& nic, const std::string& alias);
  void write_mark(virDomainPtr domain, const std::string& uuid, const Mark& mark);
  void take_snapshot(const Found& found, const std::string& uuid,
                     const std::map<std::string, DiskSpec>& new_images,
                     const std::string& memory_file);
  void detach(const Found& found, const std::string& alias, const char* type,
              const std::string& device);

  // ---- what libvirt and the guests tell (events.cpp)
  std::function<void()> register_callbacks(virConnectPtr connection);
  void on_lifecycle(const std::string& uuid, int event, int detail);
  void on_reboot(const std::string& uuid);
  void on_ended(const std::string& uuid, int detail);
  void on_monitor_shutdown(const std::string& uuid, const std::string& details);
  std::int64_t promised_bytes();
  GuestFacts ask_agent(const std::string& uuid);
  void tidy();
  friend struct Callbacks;

  std::chrono::milliseconds option_ms(const char* name, std::chrono::milliseconds otherwise) const;

  const DriverSettings settings_;
  const ShortPath short_state_dir_;  // for sockets
  HostView host_view_;
  std::string uefi_vars_;

  EventLog events_;
  KeyedLocks locks_;
  std::string run_directory_;     // of the embedded driver, with QEMU's process ids; else empty
  std::optional<Reaper> reaper_;  // with the embedded driver
  Signals signals_;
  ConsoleHub consoles_;
  AgentWatch agents_;

  // Facts between two events of one domain, and the domains whose remains are to be cleared.
  std::mutex mutex_;
  std::condition_variable tidy_;
  std::set<std::string> building_;        // their ends are nobody's business
  std::set<std::string> reset_by_guest_;  // QEMU stops because the guest asked for a reset
  // When we asked for a power-off that is to be a reboot; when it rebooted last.
  std::map<std::string, std::chrono::steady_clock::time_point> reboot_asked_;
  std::map<std::string, std::chrono::steady_clock::time_point> rebooted_at_;
  std::deque<std::string> ended_;
  std::set<std::string> adopted_;  // found running, not yet confirmed
  std::map<std::string, std::vector<StrayDisk>> stray_disks_;
  std::map<std::string, std::set<std::string>> spent_;  // aliases removed behind libvirt's back
  bool first_connection_ = true;
  bool stopping_ = false;

  std::unique_ptr<Connection> connection_;
  std::thread tidier_;
};

}  // namespace xcp::hypervisor::libvirt
