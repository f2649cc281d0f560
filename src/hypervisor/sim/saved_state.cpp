// SPDX-License-Identifier: GPL-2.0-or-later
// Save, restore and checkpoint. A state is written beside its final name and renamed when whole; a
// volume that was made beforehand is written in place.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "hypervisor/sim/simulation.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr std::size_t longest_state = 1u << 20;

class StateFile {
 public:
  explicit StateFile(const std::string& path) : path_(path) {
    struct stat existing {};
    in_place_ = stat(path.c_str(), &existing) == 0;
    const std::string target = in_place_ ? path_ : partial();
    fd_.reset(open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!fd_) throw system_failure("create " + target, errno);
    if (!in_place_ && ftruncate(fd_.get(), 0) != 0) throw system_failure("truncate", errno);
  }
  ~StateFile() {
    if (kept_ || in_place_) return;
    unlink(partial().c_str());
    unlink(path_.c_str());
  }
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  void write(const std::string& text) {
    write_all(fd_.get(), text);
    if (!in_place_ && rename(partial().c_str(), path_.c_str()) != 0)
      throw system_failure("rename to " + path_, errno);
  }
  void keep() { kept_ = true; }

 private:
  std::string partial() const { return path_ + ".partial"; }

  const std::string path_;
  UniqueFd fd_;
  bool in_place_ = false;
  bool kept_ = false;
};

std::string read_state(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Failure("SUSPEND_IMAGE_NOT_ACCESSIBLE", {path});
  std::string text(longest_state, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const std::size_t n = read_some(fd.get(), text.data() + size, text.size() - size);
    if (n == 0) break;
    size += n;
  }
  text.resize(size);
  return text;
}

}  // namespace

// Stops the guest's time without telling anybody: a kill now leaves a running guest behind.
void Simulation::freeze(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  Domain& domain = find_ours_locked(uuid);
  domain.active_ms = active_ms_at(domain, timeline_->now_ms());
  domain.state.power = DomainPower::paused;
}

void Simulation::thaw(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  const auto found = domains_.find(uuid);
  if (found == domains_.end()) return;
  found->second.since_ms = timeline_->now_ms();
  found->second.state.power = DomainPower::running;
  arm_locked(found->second);
}

void Simulation::save(std::string uuid, std::string path) {
  Operation operation(*this, "save", uuid);
  bool running;
  {
    std::lock_guard lock(mutex_);
    const Domain& domain = find_ours_locked(uuid);
    if (domain.phase == Phase::crashed) throw Failure("VM_CRASHED", {uuid});
    running = is_running(domain);
  }
  StateFile file(path);
  if (running) freeze(uuid);
  try {
    operation.take_time(Duration::save);
    std::lock_guard lock(mutex_);
    Domain& domain = find_ours_locked(uuid);
    file.write(saved_state_text(domain));
    store_locked(gone_entry(uuid));
    file.keep();
    erase_locked(uuid);
    publish_locked(EventKind::ended_gone, uuid);
    consoles_->wake();
  } catch (...) {
    if (running) thaw(uuid);
    throw;
  }
  operation.done();
}

Domain Simulation::with_memory(VmSpec spec, const Domain& saved) const {
  Domain domain = from_spec(std::move(spec));
  domain.state.vcpus = saved.state.vcpus;
  domain.state.memory_bytes = saved.state.memory_bytes;
  domain.phase = saved.phase;
  domain.request = saved.request;
  domain.agent = saved.agent;
  domain.active_ms = saved.active_ms;
  domain.boots = saved.boots;
  domain.crashes_in_a_row = saved.crashes_in_a_row;
  domain.boot_began_active_ms = saved.boot_began_active_ms;
  domain.boot_length_ms = saved.boot_length_ms;
  domain.memory_target_bytes = saved.memory_target_bytes;
  domain.memory_claim_bytes = std::max(saved.memory_target_bytes, saved.state.memory_bytes);
  domain.draws = saved.draws;
  domain.actions = saved.actions;
  domain.plugged_active_ms = saved.plugged_active_ms;
  domain.vcpu_added_active_ms = saved.vcpu_added_active_ms;
  return domain;
}

DomainState Simulation::restore(VmSpec spec, std::string path) {
  Operation operation(*this, "restore", spec.uuid);
  check_spec(spec);
  require_absent(spec.uuid);
  const auto saved = parse_saved_state(read_state(path));
  if (!saved) throw Failure("SUSPEND_IMAGE_NOT_ACCESSIBLE", {path});
  if (saved->spec.vcpus_max != spec.vcpus_max ||
      saved->spec.memory_static_max_bytes != spec.memory_static_max_bytes)
    throw internal_error("the state in " + path + " was saved with " +
                         std::to_string(saved->spec.vcpus_max) + " vCPUs and " +
                         std::to_string(saved->spec.memory_static_max_bytes) + " bytes of memory");
  Domain domain = with_memory(std::move(spec), *saved);
  Claim claim(*this, domain.memory_claim_bytes);
  operation.take_time(Duration::restore);
  const DomainState state = make_visible(std::move(domain), claim);
  operation.done();
  return state;
}

void Simulation::checkpoint(std::string uuid, std::string path,
                            std::map<std::string, DiskSpec> new_images) {
  Operation operation(*this, "checkpoint", uuid);
  bool running;
  {
    std::lock_guard lock(mutex_);
    const Domain& domain = find_ours_locked(uuid);
    if (domain.phase == Phase::crashed) throw Failure("VM_CRASHED", {uuid});
    running = is_running(domain);
  }
  StateFile file(path);
  if (running) freeze(uuid);
  try {
    operation.take_time(Duration::checkpoint);
    std::lock_guard lock(mutex_);
    file.write(saved_state_text(find_ours_locked(uuid)));
    change_locked(uuid, [&](Domain& domain) {
      switch_images_in(domain, new_images);
      if (running) {
        domain.since_ms = timeline_->now_ms();
        domain.state.power = DomainPower::running;
      }
      return true;
    });
    file.keep();
  } catch (...) {
    if (running) thaw(uuid);
    throw;
  }
  operation.done();
}

}  // namespace xcp::hypervisor::sim
