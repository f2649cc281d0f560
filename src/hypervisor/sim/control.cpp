// SPDX-License-Identifier: GPL-2.0-or-later
// Orders a test gives to the simulation. An order or an argument nobody knows is INVALID_VALUE, so
// that a misspelt fault cannot turn a test into one that passes for no reason.
#include <boost/mp11/algorithm.hpp>
#include <optional>
#include <utility>

#include "base/describe.hpp"
#include "base/failure.hpp"
#include "base/ref.hpp"
#include "hypervisor/sim/simulation.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr const char* help_text =
    R"(help
fault           method=M kind=fail|delay|hang|kill [point=before|middle|after] [nth=1] [count=1]
                [uuid=U] [code=C params=JSON array] [delay_ms=N]: what goes wrong at the nth call of M
                (count=0: at all that follow); gives the fault's id
faults          all ordered faults with the calls they have seen and hit, as JSON
wait_fault      id=F [hits=1] [timeout_ms=10000]: until so many calls ran into it: true or false
clear_fault     [id=F]: one or all; calls that hang in it go on
drop_events     [count=0]: loses the next events and reports resync; 0: reports resync at once
guest           uuid=U action=poweroff|reboot|crash|agent_off|agent_on
behaviour       [uuid=*] [ignore_shutdown=true] [panic_at_boot=] [no_agent=] [ignore_unplug=]: true,
                false, or empty for what VM.platform's sim_ignore_shutdown, ... say
advance         seconds=N or ms=N: lets time pass at once and what falls due happen
settle          waits until all that is due has happened
now             simulated time in milliseconds since 1970
timing          DURATION=250 or 200..450 ...; operations, guests: all of a kind
time_scale      value=0.1
foreign         action=add [uuid=U] [name=N] [memory_bytes=N], or action=remove uuid=U: a domain
                made by somebody else; gives its uuid
describe        uuid=U: all that is known of a domain, as JSON
)";

class Arguments {
 public:
  explicit Arguments(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  std::optional<std::string> optional(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::string value = std::move(found->second);
    values_.erase(found);
    return value;
  }
  std::string required(const std::string& key) {
    auto value = optional(key);
    if (!value) throw Failure("INVALID_VALUE", {key, ""});
    return *value;
  }
  std::int64_t whole(const std::string& key, std::int64_t missing) {
    const auto value = optional(key);
    return value ? parse_whole(key, *value) : missing;
  }
  template <class E>
  E one_of(const std::string& key, std::optional<E> missing = std::nullopt) {
    const auto text = missing ? optional(key) : required(key);
    if (!text) return *missing;
    E value{};
    if (!boost::describe::enum_from_string(text->c_str(), value))
      throw Failure("INVALID_VALUE", {key, *text});
    return value;
  }
  std::map<std::string, std::string> rest() { return std::exchange(values_, {}); }
  void finish() const {
    if (!values_.empty())
      throw Failure("INVALID_VALUE", {values_.begin()->first, values_.begin()->second});
  }

 private:
  std::map<std::string, std::string> values_;
};

bool is_method(const std::string& name) {
  bool found = false;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      Hypervisor, boost::describe::mod_public | boost::describe::mod_function>>(
      [&](auto member) { found = found || name == member.name; });
  return found && name != "control";
}

}  // namespace

std::string Simulation::add_fault(std::map<std::string, std::string> args) {
  Arguments given(std::move(args));
  Fault fault;
  fault.method = given.required("method");
  if (!is_method(fault.method)) throw Failure("INVALID_VALUE", {"method", fault.method});
  fault.kind = given.one_of<FaultKind>("kind");
  fault.point = given.one_of<Point>("point", Point::before);
  fault.nth = given.whole("nth", 1);
  fault.count = given.whole("count", 1);
  fault.uuid = given.optional("uuid").value_or("");
  if (fault.kind == FaultKind::fail) {
    fault.code = given.required("code");
    if (const auto params = given.optional("params"))
      fault.params = from_json<std::vector<std::string>>(parse_json(*params));
  }
  if (fault.kind == FaultKind::delay)
    fault.delay_ms = parse_whole("delay_ms", given.required("delay_ms"));
  given.finish();
  return faults_.add(std::move(fault));
}

std::string Simulation::set_behaviour(std::map<std::string, std::string> args) {
  Arguments given(std::move(args));
  const std::string whom = given.optional("uuid").value_or("*");
  std::map<std::string, std::optional<bool>> orders;
  for (const char* key : {"ignore_shutdown", "panic_at_boot", "no_agent", "ignore_unplug"})
    if (const auto text = given.optional(key))
      orders[key] = text->empty() ? std::nullopt : std::optional(parse_flag(key, *text));
  given.finish();
  std::lock_guard lock(mutex_);
  Behaviour& behaviour = host_.behaviours[whom];
  for (const auto& [key, order] : orders) {
    if (order)
      behaviour[key] = *order ? "true" : "false";
    else
      behaviour.erase(key);
  }
  if (behaviour.empty()) host_.behaviours.erase(whom);
  store_host_locked();
  return {};
}

std::string Simulation::tell_guest(const std::map<std::string, std::string>& args) {
  Arguments given(args);
  const std::string uuid = given.required("uuid");
  const std::string action = given.required("action");
  given.finish();
  std::lock_guard lock(mutex_);
  std::optional<EventKind> event;
  if (action == "agent_off" || action == "agent_on") event = EventKind::guest_facts;
  change_locked(
      uuid,
      [&](Domain& domain) {
        const std::int64_t now_ms = active_ms_at(domain, timeline_->now_ms());
        if (action == "crash") {
          domain.actions.push_back({ActionKind::crash, now_ms});
        } else if (action == "poweroff") {
          request_locked(domain, Request::poweroff, now_ms);
        } else if (action == "reboot") {
          request_locked(domain, Request::reboot, now_ms);
        } else if (action == "agent_off" || action == "agent_on") {
          const bool alive = action == "agent_on" && domain.phase == Phase::up;
          if (alive == domain.agent) return false;
          domain.agent = alive;
        } else {
          throw Failure("INVALID_VALUE", {"action", action});
        }
        return true;
      },
      event);
  return {};
}

std::string Simulation::change_foreign(std::map<std::string, std::string> args) {
  Arguments given(std::move(args));
  const std::string action = given.required("action");
  if (action != "add" && action != "remove") throw Failure("INVALID_VALUE", {"action", action});
  const std::string uuid =
      action == "add" ? given.optional("uuid").value_or(make_uuid()) : given.required("uuid");
  const std::string name = given.optional("name").value_or("foreign");
  const std::int64_t memory_bytes = given.whole("memory_bytes", std::int64_t{512} << 20);
  given.finish();
  if (action == "remove") {
    std::lock_guard lock(mutex_);
    if (find_locked(uuid).state.ours) throw Failure("INVALID_VALUE", {"uuid", uuid});
    store_locked(gone_entry(uuid));
    erase_locked(uuid);
    publish_locked(EventKind::ended_gone, uuid);
    return uuid;
  }
  VmSpec spec;
  spec.uuid = uuid;
  spec.name = name;
  spec.memory_static_max_bytes = memory_bytes;
  check_spec(spec);
  require_absent(uuid);
  Domain domain = from_spec(spec);
  domain.state.ours = false;
  domain.state.power = DomainPower::running;
  domain.since_ms = timeline_->now_ms();
  domain.phase = Phase::up;
  Claim claim(*this, domain.memory_claim_bytes);
  make_visible(std::move(domain), claim);
  return uuid;
}

std::string Simulation::control(std::string command, std::map<std::string, std::string> args) {
  if (command == "fault") return add_fault(std::move(args));
  if (command == "behaviour") return set_behaviour(std::move(args));
  if (command == "guest") return tell_guest(args);
  if (command == "foreign") return change_foreign(std::move(args));

  Arguments given(std::move(args));
  if (command == "help") {
    given.finish();
    return help_text;
  }
  if (command == "faults") {
    given.finish();
    const std::vector<Fault> faults = faults_.list();
    return json_text(to_json(faults));
  }
  if (command == "wait_fault") {
    const std::string id = given.required("id");
    const std::int64_t hits = given.whole("hits", 1);
    const std::chrono::milliseconds timeout(given.whole("timeout_ms", 10000));
    given.finish();
    return faults_.wait_for_hits(id, hits, timeout) ? "true" : "false";
  }
  if (command == "clear_fault") {
    const std::string id = given.optional("id").value_or("");
    given.finish();
    if (!faults_.clear(id)) throw Failure("INVALID_VALUE", {"id", id});
    return {};
  }
  if (command == "drop_events") {
    const std::int64_t count = given.whole("count", 0);
    given.finish();
    std::lock_guard lock(mutex_);
    events_to_drop_ = count;
    if (count == 0) events_.append(EventKind::resync, {});
    return {};
  }
  if (command == "advance") {
    constexpr std::int64_t longest_ms = std::int64_t{100} * 365 * 24 * 3600 * 1000;
    const std::int64_t seconds = given.whole("seconds", 0);
    const std::int64_t ms = given.whole("ms", 0);
    given.finish();
    if (seconds > longest_ms / 1000 || ms > longest_ms)
      throw Failure("INVALID_VALUE", {"seconds", std::to_string(seconds)});
    timeline_->advance(seconds * 1000 + ms);
    std::lock_guard lock(mutex_);
    store_host_locked();
    consoles_->wake();
    return {};
  }
  if (command == "settle") {
    given.finish();
    timeline_->settle();
    return {};
  }
  if (command == "now") {
    given.finish();
    return std::to_string(timeline_->now_ms());
  }
  if (command == "timing") {
    std::lock_guard lock(mutex_);
    Timing changed = timing_;
    for (const auto& [name, text] : given.rest()) changed.set(name, text);
    timing_ = changed;
    return {};
  }
  if (command == "time_scale") {
    const double scale = parse_real("value", given.required("value"));
    given.finish();
    std::lock_guard lock(mutex_);
    timing_.set_scale(scale);
    return {};
  }
  if (command == "describe") {
    const std::string uuid = given.required("uuid");
    given.finish();
    std::lock_guard lock(mutex_);
    return domain_text(find_locked(uuid));
  }
  throw Failure("INVALID_VALUE", {"command", command});
}

}  // namespace xcp::hypervisor::sim
