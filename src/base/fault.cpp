// SPDX-License-Identifier: GPL-2.0-or-later
// The armed faults are one table behind a mutex; an atomic flag keeps unarmed programs away from
// it.
#include "base/fault.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "base/failure.hpp"

namespace xcp {

namespace {

enum class Effect { kill, error, stop };

struct Fault {
  std::string name;
  Effect effect;
  long passing;  // 1: the first time
};

struct Armed {
  std::mutex mutex;
  std::vector<Fault> faults;
  std::vector<std::string> passed;
  int trace = -1;  // open as long as the process lives
};

Armed& armed() {
  static Armed table;
  return table;
}

enum class State { unread, inert, armed };
std::atomic<State> state{State::unread};

Fault parse_fault(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos)
    throw internal_error("XCP_FAULT: expected name=effect, got \"" + std::string(text) + "\"");
  Fault fault{std::string(text.substr(0, equals)), Effect::kill, 1};
  std::string_view effect = text.substr(equals + 1);
  if (const auto colon = effect.find(':'); colon != std::string_view::npos) {
    const std::string_view number = effect.substr(colon + 1);
    const auto end = number.data() + number.size();
    const auto [stopped, error] = std::from_chars(number.data(), end, fault.passing);
    if (error != std::errc() || stopped != end || fault.passing < 1)
      throw internal_error("XCP_FAULT: not a count: \"" + std::string(number) + "\"");
    effect = effect.substr(0, colon);
  }
  if (effect == "kill")
    fault.effect = Effect::kill;
  else if (effect == "error")
    fault.effect = Effect::error;
  else if (effect == "stop")
    fault.effect = Effect::stop;
  else
    throw internal_error("XCP_FAULT: unknown effect \"" + std::string(effect) + "\"");
  return fault;
}

std::vector<Fault> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (comma > 0) faults.push_back(parse_fault(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return faults;
}

void take_from_environment() {
  static std::once_flag once;
  std::call_once(once, [] {
    // A test may have armed already; the environment does not overrule it.
    if (state != State::unread) return;
    const char* text = std::getenv("XCP_FAULT");
    arm_faults(text == nullptr ? "" : text);
    const char* trace = std::getenv("XCP_FAULT_TRACE");
    if (trace == nullptr || *trace == '\0') return;
    Armed& table = armed();
    std::lock_guard lock(table.mutex);
    table.trace = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (table.trace < 0)
      throw internal_error("XCP_FAULT_TRACE: cannot write \"" + std::string(trace) + "\"");
    state = State::armed;
  });
}

}  // namespace

void arm_faults(const std::string& faults) {
  std::vector<Fault> parsed = parse_faults(faults);
  Armed& table = armed();
  std::lock_guard lock(table.mutex);
  state = parsed.empty() ? State::inert : State::armed;
  table.faults = std::move(parsed);
  table.passed.clear();
}

std::vector<std::string> faults_passed() {
  Armed& table = armed();
  std::lock_guard lock(table.mutex);
  return table.passed;
}

void fault_point(const char* name) {
  if (state.load(std::memory_order_relaxed) == State::inert) return;
  take_from_environment();
  if (state == State::inert) return;
  Armed& table = armed();
  std::unique_lock lock(table.mutex);
  table.passed.emplace_back(name);
  if (table.trace >= 0) {
    const std::string line = std::string(name) + "\n";
    // One write, so that lines stay whole; a test that cannot read them notices.
    [[maybe_unused]] const auto written = write(table.trace, line.data(), line.size());
  }
  for (Fault& fault : table.faults) {
    if (fault.name != name || --fault.passing != 0) continue;
    switch (fault.effect) {
      case Effect::kill:
        kill(getpid(), SIGKILL);
        break;
      case Effect::stop:
        lock.unlock();
        kill(getpid(), SIGSTOP);
        return;
      case Effect::error:
        throw internal_error("fault injected at " + std::string(name));
    }
  }
}

}  // namespace xcp
