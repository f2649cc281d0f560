// SPDX-License-Identifier: GPL-2.0-or-later
// The core of the driver: its state, how it is kept and shown, and the calls that only read.
#include "hypervisor/sim/sim.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/failure.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"
#include "hypervisor/sim/simulation.hpp"

namespace xcp::hypervisor {

std::unique_ptr<Hypervisor> make_sim(const SimSettings& settings) {
  return std::make_unique<sim::Simulation>(settings);
}

namespace sim {

namespace {

constexpr std::size_t remembered_events = 16384;

std::string machine_boot_id() {
  std::string id = read_file("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Timing timing_of(const SimSettings& settings) {
  Timing timing(settings.seed, settings.time_scale);
  for (const auto& [name, text] : settings.timing) timing.set(name, text);
  return timing;
}

}  // namespace

// ---- operations and claims ----------------------------------------------------------------------

Simulation::Operation::Operation(Simulation& simulation, const char* method, std::string uuid,
                                 const std::string& lock)
    : simulation_(simulation), method_(method), uuid_(std::move(uuid)) {
  hold_.emplace(simulation_.domain_locks_, lock.empty() ? uuid_ : lock);
  pass(Point::before);
}

void Simulation::Operation::pass(Point point) {
  fault_point(
      fmt::format("sim.{}.{}", method_, boost::describe::enum_to_string(point, "")).c_str());
  simulation_.faults_.pass(method_, uuid_, point);
}

void Simulation::Operation::take_time(Duration what) {
  std::int64_t length_ms;
  {
    std::lock_guard lock(simulation_.mutex_);
    const auto found = simulation_.domains_.find(uuid_);
    const std::uint64_t nth = found == simulation_.domains_.end() ? 0 : ++found->second.draws;
    length_ms = simulation_.timing_.draw(what, uuid_, nth);
  }
  if (length_ms > 0)
    simulation_.timeline_->sleep_until(simulation_.timeline_->now_ms() + length_ms);
  middle();
}

Simulation::Claim::Claim(Simulation& simulation, std::int64_t bytes)
    : simulation_(simulation), bytes_(bytes) {
  std::lock_guard lock(simulation_.mutex_);
  simulation_.require_free_locked(bytes);
  simulation_.claimed_bytes_ += bytes;
}

Simulation::Claim::~Claim() {
  if (bytes_ == 0) return;
  std::lock_guard lock(simulation_.mutex_);
  simulation_.claimed_bytes_ -= bytes_;
}

// ---- life of the driver -------------------------------------------------------------------------

Simulation::Simulation(const SimSettings& settings)
    : settings_(settings), timing_(timing_of(settings)), events_(remembered_events) {
  if (!settings_.state_dir.empty()) {
    std::filesystem::create_directories(settings_.state_dir);
    journal_.emplace(settings_.state_dir + "/domains.journal");
  }
  load();
  consoles_ =
      std::make_unique<Consoles>([this](std::int64_t domid) { return console_view(domid); });
  timeline_->start();
}

Simulation::~Simulation() {
  faults_.clear({});
  events_.close();
  // Their threads use each other's objects.
  timeline_->stop();
  consoles_->stop();
}

void Simulation::load() {
  std::unordered_map<std::string, Domain> found;
  std::unordered_map<std::string, Incoming> incoming;
  if (journal_) {
    for (const std::string& text : journal_->load()) {
      Entry entry = parse_entry(text);
      if (entry.host) host_ = std::move(*entry.host);
      if (entry.gone) found.erase(*entry.gone);
      if (entry.refused) incoming.erase(*entry.refused);
      if (entry.incoming) {
        host_.next_domid = std::max(host_.next_domid, entry.incoming->domain.state.domid + 1);
        incoming.insert_or_assign(entry.incoming->domain.spec.uuid, std::move(*entry.incoming));
      }
      if (entry.domain) {
        host_.next_domid = std::max(host_.next_domid, entry.domain->state.domid + 1);
        const auto arrived = incoming.find(entry.domain->spec.uuid);
        if (arrived != incoming.end() &&
            arrived->second.domain.state.domid == entry.domain->state.domid)
          incoming.erase(arrived);
        found.insert_or_assign(entry.domain->spec.uuid, std::move(*entry.domain));
      }
    }
  }
  const std::string boot_id = machine_boot_id();
  // Whoever sent it may have nothing left: what had arrived whole stays, paused, unless the guest
  // is here still.
  for (auto& [uuid, guest] : incoming) found.try_emplace(uuid, std::move(guest.domain));
  if (host_.boot_id != boot_id) found.clear();
  host_.boot_id = boot_id;
  timeline_ = std::make_unique<Timeline>(
      settings_.manual_clock, host_.clock_offset_ms,
      [this](std::int64_t domid, std::int64_t due_ms) { on_wake(domid, due_ms); });
  for (auto& [uuid, domain] : found) adopt_locked(std::move(domain));
  rewrite_journal_locked();
}

void Simulation::adopt_locked(Domain domain) {
  const std::string uuid = domain.spec.uuid;
  for (const NicSpec& nic : domain.state.nics) {
    host_devices_.insert(nic.host_device);
    for (const PortForward& forward : nic.forwards) forwarded_ports_.insert(forward.host_port);
  }
  for (const auto& [device, address] : domain.addresses) leased_addresses_.insert(address);
  claimed_bytes_ += domain.memory_claim_bytes;
  uuids_by_domid_[domain.state.domid] = uuid;
  arm_locked(domains_.insert_or_assign(uuid, std::move(domain)).first->second);
}

void Simulation::erase_locked(const std::string& uuid) {
  const auto found = domains_.find(uuid);
  if (found == domains_.end()) return;
  const Domain& domain = found->second;
  for (const NicSpec& nic : domain.state.nics) release_nic_locked(domain, nic);
  claimed_bytes_ -= domain.memory_claim_bytes;
  uuids_by_domid_.erase(domain.state.domid);
  domains_.erase(found);
}

// ---- the journal --------------------------------------------------------------------------------

void Simulation::store_locked(const std::string& entry) {
  if (!journal_) return;
  if (journal_behind_ || journal_->wasteful()) rewrite_journal_locked();
  journal_->append(entry);
}

// What a guest did cannot be undone because the disk is full: it is kept in memory, and the next
// call that wants something stored brings the whole journal up to date or fails.
void Simulation::store_guest_driven_locked(const std::string& entry) noexcept {
  try {
    store_locked(entry);
  } catch (const std::exception&) {
    journal_behind_ = true;
  }
}

void Simulation::store_host_locked() {
  host_.clock_offset_ms = timeline_->offset_ms();
  store_locked(host_entry(host_));
}

void Simulation::rewrite_journal_locked() {
  if (!journal_) return;
  host_.clock_offset_ms = timeline_->offset_ms();
  std::vector<std::string> records{host_entry(host_)};
  for (const auto& [uuid, domain] : domains_) records.push_back(domain_entry(domain));
  for (const auto& [uuid, guest] : incoming_) records.push_back(incoming_entry(guest));
  journal_->replace(records);
  journal_behind_ = false;
}

// ---- changing a domain --------------------------------------------------------------------------

Domain& Simulation::find_locked(const std::string& uuid) {
  const auto found = domains_.find(uuid);
  if (found == domains_.end()) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  return found->second;
}

Domain& Simulation::find_ours_locked(const std::string& uuid) {
  Domain& domain = find_locked(uuid);
  if (!domain.state.ours)
    throw Failure("OPERATION_NOT_ALLOWED",
                  {"domain " + domain.state.name + " was made by somebody else"});
  return domain;
}

void Simulation::require_ours(const std::string& uuid) {
  std::lock_guard lock(mutex_);
  find_ours_locked(uuid);
}

void Simulation::change(const std::string& uuid, const Change& what,
                        std::optional<EventKind> event) {
  std::lock_guard lock(mutex_);
  change_locked(uuid, what, event);
}

void Simulation::change_locked(const std::string& uuid, const Change& what,
                               std::optional<EventKind> event) {
  Domain& domain = find_ours_locked(uuid);
  Domain next = domain;
  if (!what(next)) return;
  store_locked(domain_entry(next));
  claimed_bytes_ += next.memory_claim_bytes - domain.memory_claim_bytes;
  domain = std::move(next);
  arm_locked(domain);
  if (event) publish_locked(*event, uuid);
  consoles_->wake();
}

void Simulation::publish_locked(EventKind kind, const std::string& uuid) {
  if (events_to_drop_ == 0) {
    events_.append(kind, uuid);
    return;
  }
  if (--events_to_drop_ == 0) events_.append(EventKind::resync, {});
}

std::int64_t Simulation::draw_locked(Duration what, Domain& domain) {
  return timing_.draw(what, domain.spec.uuid, ++domain.draws);
}

std::int64_t Simulation::free_memory_locked() const {
  return std::max<std::int64_t>(
      0, settings_.memory_bytes - settings_.host_memory_bytes - claimed_bytes_);
}

void Simulation::require_free_locked(std::int64_t bytes) const {
  const std::int64_t available = free_memory_locked();
  if (bytes > available)
    throw Failure("HOST_NOT_ENOUGH_FREE_MEMORY",
                  {std::to_string(bytes), std::to_string(available)});
}

// ---- reading ------------------------------------------------------------------------------------

HostFacts Simulation::host() {
  faults_.pass("host", {}, Point::before);
  HostFacts facts;
  facts.driver = "sim";
  facts.hypervisor = "Simulation 1.0";
  facts.versions = {{"sim", "1.0"}};
  facts.cpu = {{"cpu_count", std::to_string(settings_.cpus)},
               {"socket_count", settings_.cpus >= 32 ? "2" : "1"},
               {"vendor", "Simulated"},
               {"speed", "2400.000"},
               {"modelname", "Simulated CPU @ 2.40GHz"},
               {"family", "6"},
               {"model", "1"},
               {"stepping", "0"},
               {"flags",
                "fpu tsc msr pae cx8 apic sep cmov mmx fxsr sse sse2 ht syscall nx lm "
                "pni ssse3 cx16 sse4_1 sse4_2 x2apic popcnt aes avx hypervisor"},
               {"features", "178bfbff-80202001-2c100800-00000001"}};
  facts.capabilities = {"hvm-1.0-hvm-x86_32", "hvm-1.0-hvm-x86_64"};
  facts.can_suspend = true;
  facts.can_checkpoint = true;
  facts.can_migrate = true;
  facts.accelerated = true;
  {
    std::lock_guard lock(mutex_);
    facts.memory_total_bytes = settings_.memory_bytes;
    facts.memory_free_bytes = free_memory_locked();
  }
  faults_.pass("host", {}, Point::after);
  return facts;
}

std::vector<DomainState> Simulation::domains() {
  faults_.pass("domains", {}, Point::before);
  std::vector<DomainState> states;
  {
    std::lock_guard lock(mutex_);
    states.reserve(domains_.size());
    for (const auto& [uuid, domain] : domains_) states.push_back(domain.state);
  }
  for (DomainState& state : states) state.busy = domain_locks_.in_use(state.uuid);
  faults_.pass("domains", {}, Point::after);
  return states;
}

std::optional<DomainState> Simulation::domain(std::string uuid) {
  faults_.pass("domain", uuid, Point::before);
  std::optional<DomainState> state;
  {
    std::lock_guard lock(mutex_);
    const auto found = domains_.find(uuid);
    if (found != domains_.end()) state = found->second.state;
  }
  if (state) state->busy = domain_locks_.in_use(uuid);
  faults_.pass("domain", uuid, Point::after);
  return state;
}

GuestFacts Simulation::guest(std::string uuid) {
  faults_.pass("guest", uuid, Point::before);
  GuestFacts facts;
  {
    std::lock_guard lock(mutex_);
    facts = facts_of(find_locked(uuid));
  }
  faults_.pass("guest", uuid, Point::after);
  return facts;
}

std::vector<DomainStats> Simulation::stats() {
  faults_.pass("stats", {}, Point::before);
  std::vector<DomainStats> all;
  {
    std::lock_guard lock(mutex_);
    const std::int64_t now_ms = timeline_->now_ms();
    all.reserve(domains_.size());
    for (const auto& [uuid, domain] : domains_)
      all.push_back(stats_of(domain, now_ms, settings_.seed));
  }
  faults_.pass("stats", {}, Point::after);
  return all;
}

EventBatch Simulation::events(std::string epoch, std::uint64_t after,
                              std::chrono::milliseconds timeout) {
  faults_.pass("events", {}, Point::before);
  return events_.read(epoch, after, timeout);
}

// ---- consoles -----------------------------------------------------------------------------------

std::optional<ConsoleView> Simulation::console_view(std::int64_t domid) {
  std::lock_guard lock(mutex_);
  const auto uuid = uuids_by_domid_.find(domid);
  if (uuid == uuids_by_domid_.end()) return std::nullopt;
  const Domain& domain = domains_.at(uuid->second);
  ConsoleView view;
  view.domid = domid;
  view.uuid = domain.spec.uuid;
  view.name = domain.spec.name;
  view.host_name = host_name_of(domain);
  view.boots = domain.boots;
  view.running = is_running(domain);
  view.up = domain.phase == Phase::up;
  view.crashed = domain.phase == Phase::crashed;
  for (const GuestAction& action : domain.actions)
    if (action.kind == ActionKind::poweroff || action.kind == ActionKind::reboot)
      view.going_down = true;
  view.vcpus = domain.state.vcpus;
  view.memory_bytes = domain.state.memory_bytes;
  view.since_boot_ms = active_ms_at(domain, timeline_->now_ms()) - domain.boot_began_active_ms;
  view.boot_length_ms = domain.boot_length_ms;
  return view;
}

UniqueFd Simulation::console(std::string uuid, ConsoleKind kind) {
  faults_.pass("console", uuid, Point::before);
  std::int64_t domid;
  {
    std::lock_guard lock(mutex_);
    const Domain& domain = find_ours_locked(uuid);
    if (kind == ConsoleKind::vnc && !domain.spec.vnc)
      throw Failure("VALUE_NOT_SUPPORTED", {"console", "vnc", "the domain has no such console"});
    domid = domain.state.domid;
  }
  const auto view = console_view(domid);
  if (!view) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  auto session = kind == ConsoleKind::vnc
                     ? make_vnc_session(*view)
                     : make_serial_session([this, domid](GuestCommand command) {
                         console_command(domid, command);
                       });
  UniqueFd socket = consoles_->open(domid, std::move(session));
  faults_.pass("console", uuid, Point::after);
  return socket;
}

}  // namespace sim

}  // namespace xcp::hypervisor
