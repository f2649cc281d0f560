// SPDX-License-Identifier: GPL-2.0-or-later
// From build to the end of a domain, and what guests do meanwhile.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/failure.hpp"
#include "base/ref.hpp"
#include "hypervisor/sim/simulation.hpp"

namespace xcp::hypervisor::sim {

namespace {

// A guest that panics again and again does so at this pace at least, however fast time runs.
constexpr std::int64_t shortest_boot_after_crash_ms = 100;

Failure invalid(const std::string& field, const std::string& value) {
  return Failure("INVALID_VALUE", {field, value});
}

// The variable store of a UEFI guest; removed again unless the build succeeds.
class NewNvram {
 public:
  explicit NewNvram(const std::string& path) {
    if (path.empty()) return;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) return;
    if (!fd) throw system_failure("create " + path, errno);
    made_ = path;
    write_all(fd.get(), "simulated UEFI variables\n");
  }
  ~NewNvram() {
    if (!made_.empty()) unlink(made_.c_str());
  }
  NewNvram(const NewNvram&) = delete;
  NewNvram& operator=(const NewNvram&) = delete;
  void keep() { made_.clear(); }

 private:
  std::string made_;
};

bool has_action(const Domain& domain, ActionKind kind) {
  return std::any_of(domain.actions.begin(), domain.actions.end(),
                     [&](const GuestAction& action) { return action.kind == kind; });
}

}  // namespace

// ---- making a domain ----------------------------------------------------------------------------

void Simulation::check_spec(const VmSpec& spec) const {
  if (!is_uuid(spec.uuid)) throw invalid("uuid", spec.uuid);
  if (spec.vcpus_max < 1) throw invalid("vcpus_max", std::to_string(spec.vcpus_max));
  if (spec.vcpus < 1 || spec.vcpus > spec.vcpus_max)
    throw invalid("vcpus", std::to_string(spec.vcpus));
  if (spec.memory_static_max_bytes <= 0)
    throw invalid("memory_static_max_bytes", std::to_string(spec.memory_static_max_bytes));
  if (spec.memory_target_bytes < 0 || spec.memory_target_bytes > spec.memory_static_max_bytes)
    throw invalid("memory_target_bytes", std::to_string(spec.memory_target_bytes));
  if (spec.direct_kernel && settings_.check_paths) {
    for (const std::string& path : {spec.direct_kernel->kernel, spec.direct_kernel->ramdisk})
      if (!path.empty() && access(path.c_str(), R_OK) != 0)
        throw system_failure("open " + path, errno);
  }
  std::set<std::string> devices;
  for (const DiskSpec& disk : spec.disks) {
    check_disk(disk);
    if (!devices.insert(disk.device).second) throw Failure("DEVICE_ALREADY_EXISTS", {disk.device});
  }
  devices.clear();
  for (const NicSpec& nic : spec.nics) {
    check_nic(nic);
    if (!devices.insert(nic.device).second) throw Failure("DEVICE_ALREADY_EXISTS", {nic.device});
  }
}

void Simulation::require_absent(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  const auto found = domains_.find(uuid);
  if (found != domains_.end())
    throw Failure("DOMAIN_EXISTS", {uuid, std::to_string(found->second.state.domid)});
}

Domain Simulation::from_spec(VmSpec spec) const {
  Domain domain;
  const std::int64_t memory_bytes =
      spec.memory_target_bytes != 0 ? spec.memory_target_bytes : spec.memory_static_max_bytes;
  domain.state.uuid = spec.uuid;
  domain.state.name = spec.name;
  domain.state.vcpus = spec.vcpus;
  domain.state.memory_bytes = memory_bytes;
  domain.state.disks = std::move(spec.disks);
  domain.state.nics = std::move(spec.nics);
  spec.disks.clear();
  spec.nics.clear();
  domain.memory_target_bytes = memory_bytes;
  domain.memory_claim_bytes = memory_bytes;
  domain.vcpu_added_active_ms.assign(static_cast<std::size_t>(spec.vcpus), 0);
  domain.spec = std::move(spec);
  return domain;
}

DomainState Simulation::make_visible(Domain domain, Claim& claim) {
  std::lock_guard lock(mutex_);
  domain.state.domid = host_.next_domid;
  domain.state.start_time = timeline_->now_ms() / 1000;
  std::size_t taken = 0;
  try {
    for (NicSpec& nic : domain.state.nics) {
      take_nic_locked(domain, nic);
      ++taken;
    }
    store_locked(domain_entry(domain));
  } catch (...) {
    for (std::size_t i = 0; i < taken; ++i) release_nic_locked(domain, domain.state.nics[i]);
    throw;
  }
  ++host_.next_domid;
  claim.keep_locked();
  const std::string uuid = domain.spec.uuid;
  uuids_by_domid_[domain.state.domid] = uuid;
  const Domain& made = domains_.insert_or_assign(uuid, std::move(domain)).first->second;
  publish_locked(EventKind::changed, uuid);
  return made.state;
}

// Where variables are kept for a VM whose owner named no place; empty where nothing is kept at all.
std::string Simulation::own_nvram_path(const std::string& uuid) const {
  return settings_.state_dir.empty() ? "" : settings_.state_dir + "/nvram/" + uuid + ".fd";
}

DomainState Simulation::build(VmSpec spec) {
  Operation operation(*this, "build", spec.uuid);
  check_spec(spec);
  require_absent(spec.uuid);
  Domain domain = from_spec(std::move(spec));
  Claim claim(*this, domain.memory_claim_bytes);
  if (domain.spec.firmware == Firmware::uefi && domain.spec.nvram_path.empty())
    domain.spec.nvram_path = own_nvram_path(domain.spec.uuid);
  NewNvram nvram(domain.spec.firmware == Firmware::uefi ? domain.spec.nvram_path : "");
  operation.take_time(Duration::build);
  const DomainState state = make_visible(std::move(domain), claim);
  nvram.keep();
  operation.done();
  return state;
}

// ---- running it ---------------------------------------------------------------------------------

void Simulation::unpause(std::string uuid) {
  Operation operation(*this, "unpause", uuid);
  require_ours(uuid);
  operation.take_time(Duration::unpause);
  change(uuid, [&](Domain& domain) {
    if (domain.phase == Phase::crashed) throw Failure("VM_CRASHED", {uuid});
    if (is_running(domain)) return false;
    domain.since_ms = timeline_->now_ms();
    domain.state.power = DomainPower::running;
    if (domain.phase == Phase::built) start_boot_locked(domain, domain.active_ms);
    return true;
  });
  operation.done();
}

void Simulation::pause(std::string uuid) {
  Operation operation(*this, "pause", uuid);
  require_ours(uuid);
  operation.take_time(Duration::pause);
  change(uuid, [&](Domain& domain) {
    if (!is_running(domain)) return false;
    domain.active_ms = active_ms_at(domain, timeline_->now_ms());
    domain.state.power = DomainPower::paused;
    return true;
  });
  operation.done();
}

void Simulation::shutdown(std::string uuid, ShutdownKind kind) {
  Operation operation(*this, "shutdown", uuid);
  require_ours(uuid);
  operation.middle();
  change(
      uuid,
      [&](Domain& domain) {
        if (behaves_locked(domain, "ignore_shutdown")) return false;
        request_locked(domain, kind == ShutdownKind::poweroff ? Request::poweroff : Request::reboot,
                       active_ms_at(domain, timeline_->now_ms()));
        return true;
      },
      std::nullopt);
  operation.done();
}

void Simulation::destroy(std::string uuid) {
  Operation operation(*this, "destroy", uuid);
  {
    std::lock_guard lock(mutex_);
    if (!domains_.contains(uuid)) return;
    find_ours_locked(uuid);
  }
  operation.take_time(Duration::destroy);
  {
    std::lock_guard lock(mutex_);
    if (!domains_.contains(uuid)) return;
    store_locked(gone_entry(uuid));
    erase_locked(uuid);
    publish_locked(EventKind::ended_gone, uuid);
    consoles_->wake();
  }
  operation.done();
}

void Simulation::reset(std::string uuid) {
  Operation operation(*this, "reset", uuid);
  require_ours(uuid);
  operation.take_time(Duration::reset);
  {
    std::lock_guard lock(mutex_);
    const bool had_agent = find_ours_locked(uuid).agent;
    change_locked(
        uuid,
        [&](Domain& domain) {
          start_boot_locked(domain, active_ms_at(domain, timeline_->now_ms()));
          return true;
        },
        EventKind::rebooted);
    if (had_agent) publish_locked(EventKind::guest_facts, uuid);
  }
  operation.done();
}

void Simulation::forget(std::string uuid) {
  Operation operation(*this, "forget", uuid);
  {
    std::lock_guard lock(mutex_);
    if (domains_.contains(uuid)) throw Failure("OPERATION_NOT_ALLOWED", {"VM " + uuid + " runs"});
    if (host_.behaviours.erase(uuid) != 0) store_host_locked();
  }
  operation.middle();
  const std::string path = own_nvram_path(uuid);
  if (is_uuid(uuid) && !path.empty() && unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_failure("remove " + path, errno);
  operation.done();
}

// ---- what guests do -----------------------------------------------------------------------------

bool Simulation::behaves_locked(const Domain& domain, const std::string& key) const {
  for (const std::string& whom : {domain.spec.uuid, std::string("*")}) {
    const auto orders = host_.behaviours.find(whom);
    if (orders == host_.behaviours.end()) continue;
    const auto order = orders->second.find(key);
    if (order != orders->second.end()) return order->second == "true";
  }
  const auto order = domain.spec.platform.find("sim_" + key);
  return order != domain.spec.platform.end() && order->second == "true";
}

void Simulation::arm_locked(const Domain& domain) {
  if (!is_running(domain)) return;
  for (const GuestAction& action : domain.actions)
    timeline_->schedule(time_of_active_ms(domain, action.due_active_ms), domain.state.domid);
}

void Simulation::start_boot_locked(Domain& domain, std::int64_t active_ms) {
  std::erase_if(domain.actions,
                [](const GuestAction& action) { return action.kind != ActionKind::balloon; });
  domain.phase = Phase::booting;
  domain.request = Request::nothing;
  domain.agent = false;
  ++domain.boots;
  domain.boot_began_active_ms = active_ms;
  domain.boot_length_ms = draw_locked(Duration::boot, domain);
  if (domain.crashes_in_a_row > 0)
    domain.boot_length_ms = std::max(domain.boot_length_ms, shortest_boot_after_crash_ms);
  if (behaves_locked(domain, "panic_at_boot"))
    domain.actions.push_back({ActionKind::crash, active_ms + domain.boot_length_ms / 2});
  else
    domain.actions.push_back({ActionKind::booted, active_ms + domain.boot_length_ms});
}

void Simulation::request_locked(Domain& domain, Request request, std::int64_t active_ms) {
  if (domain.phase != Phase::up) {
    // The firmware does not listen; the operating system finds the request when it comes up.
    domain.request = request;
    return;
  }
  if (has_action(domain, ActionKind::poweroff) || has_action(domain, ActionKind::reboot)) return;
  const bool off = request == Request::poweroff;
  const std::int64_t length_ms = draw_locked(off ? Duration::shutdown : Duration::reboot, domain);
  domain.actions.push_back(
      {off ? ActionKind::poweroff : ActionKind::reboot, active_ms + length_ms});
}

void Simulation::guest_ends_locked(Domain& domain, std::int64_t active_ms, OnEvent what,
                                   EventKind end) {
  const std::string uuid = domain.spec.uuid;
  switch (what) {
    case OnEvent::destroy:
      store_guest_driven_locked(gone_entry(uuid));
      erase_locked(uuid);
      publish_locked(end, uuid);
      return;
    case OnEvent::restart: {
      const bool had_agent = domain.agent;
      start_boot_locked(domain, active_ms);
      publish_locked(EventKind::rebooted, uuid);
      if (had_agent) publish_locked(EventKind::guest_facts, uuid);
      return;
    }
    case OnEvent::preserve:
      domain.active_ms = active_ms;
      domain.state.power = DomainPower::paused;
      domain.phase = Phase::crashed;
      domain.agent = false;
      domain.actions.clear();
      publish_locked(EventKind::changed, uuid);
      return;
  }
}

void Simulation::perform_locked(Domain& domain, const GuestAction& action) {
  const std::int64_t at_ms = action.due_active_ms;
  const std::string uuid = domain.spec.uuid;
  switch (action.kind) {
    case ActionKind::booted:
      domain.phase = Phase::up;
      domain.crashes_in_a_row = 0;
      if (!behaves_locked(domain, "no_agent"))
        domain.actions.push_back(
            {ActionKind::agent_up, at_ms + draw_locked(Duration::agent, domain)});
      if (domain.memory_target_bytes != domain.state.memory_bytes)
        domain.actions.push_back(
            {ActionKind::balloon, at_ms + draw_locked(Duration::balloon, domain)});
      if (domain.request != Request::nothing)
        request_locked(domain, std::exchange(domain.request, Request::nothing), at_ms);
      return;
    case ActionKind::agent_up:
      domain.agent = true;
      publish_locked(EventKind::guest_facts, uuid);
      return;
    case ActionKind::poweroff:
      guest_ends_locked(domain, at_ms, OnEvent::destroy, EventKind::ended_shutdown);
      return;
    case ActionKind::reboot:
      guest_ends_locked(domain, at_ms, domain.spec.on_reboot, EventKind::ended_reboot);
      return;
    case ActionKind::crash:
      ++domain.crashes_in_a_row;
      guest_ends_locked(domain, at_ms, domain.spec.on_crash, EventKind::ended_crash);
      return;
    case ActionKind::balloon:
      if (domain.phase != Phase::up || domain.state.memory_bytes == domain.memory_target_bytes)
        return;
      domain.state.memory_bytes = domain.memory_target_bytes;
      claimed_bytes_ += domain.memory_target_bytes - domain.memory_claim_bytes;
      domain.memory_claim_bytes = domain.memory_target_bytes;
      publish_locked(EventKind::changed, uuid);
      return;
  }
}

void Simulation::on_wake(std::int64_t domid, std::int64_t due_ms) {
  std::lock_guard lock(mutex_);
  bool acted = false;
  for (;;) {
    const auto uuid = uuids_by_domid_.find(domid);
    if (uuid == uuids_by_domid_.end()) break;
    Domain& domain = domains_.at(uuid->second);
    const auto next = std::min_element(domain.actions.begin(), domain.actions.end(),
                                       [](const GuestAction& a, const GuestAction& b) {
                                         return a.due_active_ms < b.due_active_ms;
                                       });
    const bool due = is_running(domain) && next != domain.actions.end() &&
                     next->due_active_ms <= active_ms_at(domain, due_ms);
    if (!due) {
      if (!acted) return;
      store_guest_driven_locked(domain_entry(domain));
      arm_locked(domain);
      break;
    }
    const GuestAction action = *next;
    domain.actions.erase(next);
    perform_locked(domain, action);
    acted = true;
  }
  if (acted) consoles_->wake();
}

void Simulation::console_command(std::int64_t domid, GuestCommand command) {
  std::string uuid;
  {
    std::lock_guard lock(mutex_);
    const auto found = uuids_by_domid_.find(domid);
    if (found == uuids_by_domid_.end()) return;
    uuid = found->second;
  }
  const char* action = command == GuestCommand::poweroff ? "poweroff"
                       : command == GuestCommand::reboot ? "reboot"
                                                         : "crash";
  try {
    tell_guest({{"uuid", uuid}, {"action", action}});
  } catch (const Failure&) {
    // The domain ended meanwhile: the console will end too.
  }
}

}  // namespace xcp::hypervisor::sim
