// SPDX-License-Identifier: GPL-2.0-or-later
// See devices.hpp.
#include "xapi/classes/devices.hpp"

#include <algorithm>
#include <charconv>

#include "xapi/classes/vm_state.hpp"
#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::VM;

namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string device_number(const std::string& text) {
  for (const char* prefix : {"xvd", "hd", "sd"}) {
    const std::string_view name(text);
    const std::size_t length = std::string_view(prefix).size();
    if (name.starts_with(prefix) && name.size() == length + 1 && name[length] >= 'a' &&
        name[length] <= 'p')
      return std::to_string(name[length] - 'a');
  }
  if (!is_number(text)) throw Failure("INVALID_DEVICE", {text});
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (number > highest_device) throw Failure("INVALID_DEVICE", {text});
  return std::to_string(number);
}

std::vector<std::string> free_devices(const std::set<std::string>& taken, int places) {
  std::vector<std::string> free;
  for (int number = 0; number < places; ++number)
    if (!taken.contains(std::to_string(number))) free.push_back(std::to_string(number));
  return free;
}

std::string free_device(const std::set<std::string>& taken, int places) {
  const auto free = free_devices(taken, places);
  if (free.empty()) throw Failure("INVALID_DEVICE", {"autodetect"});
  return free.front();
}

void check_devices_may_change(const db::Object<VM>& vm) {
  if (vm[VM::is_control_domain])
    throw Failure("OPERATION_NOT_ALLOWED", {"This is the control domain of its host"});
  if (vm[VM::power_state] == model::VmPowerState::Suspended)
    throw Failure("VM_BAD_POWER_STATE", {vm.ref().str(), "halted, running, paused", "suspended"});
  for (const auto& [task, running] : vm[VM::current_operations])
    if (opens_disks(running)) throw *busy(vm);
}

void run_device_plan(Context& context, const Ref<VM>& vm, Plan plan,
                     const std::function<void(db::Transaction&)>& more) {
  Services& services = context.services();
  std::optional<hypervisor::DomainState> domain;
  plan.step("read devices", 1, [&, uuid = context.view().get(vm)[VM::uuid]] {
    domain = services.hypervisor.domain(uuid);
  });
  context.run(plan, [&](db::Transaction& change) {
    if (more) more(change);
    // It may have ended meanwhile; then its records say so already.
    if (domain && is_up(change.get(vm)[VM::power_state]))
      record_started(change, services, vm, *domain);
  });
}

}  // namespace xcp::xapi
