// SPDX-License-Identifier: GPL-2.0-or-later
// Memory, vCPUs and other settings of a VM that have rules or reach into a running guest.
#include "xapi/classes/vm_records.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::RecordValue;
using model::VM;
using model::VmPowerState;
using Op = model::VmOperations;

namespace {

// Changes sizes under a lock; the result as a whole must be in order.
void change_sizes(Context& context, const Ref<VM>& self, Op operation,
                  const std::function<void(RecordValue&)>& edit) {
  const OperationLock lock(context, self, operation);
  RecordValue before{VM::index, context.view().get(self).row()->fields};
  RecordValue after = before;
  edit(after);
  check_sizes(after);
  const bool running = before.get(VM::power_state) == VmPowerState::Running;
  const std::int64_t target = after.get(VM::memory_dynamic_max);
  const std::string uuid = before.get(VM::uuid);
  if (running && target != before.get(VM::memory_dynamic_max))
    context.services().hypervisor.set_memory_target(uuid, target);
  context.commit([&](db::Transaction& change) {
    for (const auto& field : {VM::memory_static_min, VM::memory_static_max, VM::memory_dynamic_min,
                              VM::memory_dynamic_max, VM::VCPUs_max, VM::VCPUs_at_startup})
      change.set(self, field, after.get(field));
    if (running) change.set(self, VM::memory_target, target);
  });
}

template <class T>
void set_plain(Context& context, const Ref<VM>& self, model::Field<VM, T> field,
               const std::type_identity_t<T>& value) {
  context.commit([&](db::Transaction& change) { change.set(self, field, value); });
}

// The kind of domain, in its newer and its older field.
void set_kind(Context& context, const Ref<VM>& self, model::DomainType type,
              const std::string& boot_policy) {
  context.commit([&](db::Transaction& change) {
    const auto vm = change.get(self);
    if (vm[VM::power_state] != VmPowerState::Halted)
      throw bad_power_state(vm, {VmPowerState::Halted});
    change.set(self, VM::domain_type, type);
    change.set(self, VM::HVM_boot_policy, boot_policy);
  });
}

std::string key_text(const std::string& key) {
  return key;
}

template <class Enum>
std::string key_text(Enum key) {
  return std::string(model::to_string(key));
}

template <class K, class V>
void add_key(Context& context, const Ref<VM>& self, model::Field<VM, std::map<K, V>> field,
             const char* name, const K& key, const V& value) {
  context.commit([&](db::Transaction& change) {
    auto map = change.get(self)[field];
    if (!map.emplace(key, value).second)
      throw Failure("MAP_DUPLICATE_KEY", {"VM", name, self.str(), key_text(key)});
    change.set(self, field, map);
  });
}

template <class K, class V>
void remove_key(Context& context, const Ref<VM>& self, model::Field<VM, std::map<K, V>> field,
                const K& key) {
  context.commit([&](db::Transaction& change) {
    auto map = change.get(self)[field];
    map.erase(key);
    change.set(self, field, map);
  });
}

}  // namespace

void vm_set_memory_dynamic_max(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingDynamicRange,
               [&](RecordValue& vm) { vm.set(VM::memory_dynamic_max, value); });
}

void vm_set_memory_dynamic_min(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingDynamicRange,
               [&](RecordValue& vm) { vm.set(VM::memory_dynamic_min, value); });
}

void vm_set_memory_dynamic_range(Context& context, Ref<VM> self, std::int64_t min,
                                 std::int64_t max) {
  change_sizes(context, self, Op::ChangingDynamicRange, [&](RecordValue& vm) {
    vm.set(VM::memory_dynamic_min, min);
    vm.set(VM::memory_dynamic_max, max);
  });
}

void vm_set_memory_static_max(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingStaticRange,
               [&](RecordValue& vm) { vm.set(VM::memory_static_max, value); });
}

void vm_set_memory_static_min(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingStaticRange,
               [&](RecordValue& vm) { vm.set(VM::memory_static_min, value); });
}

void vm_set_memory_static_range(Context& context, Ref<VM> self, std::int64_t min,
                                std::int64_t max) {
  change_sizes(context, self, Op::ChangingStaticRange, [&](RecordValue& vm) {
    vm.set(VM::memory_static_min, min);
    vm.set(VM::memory_static_max, max);
  });
}

void vm_set_memory_limits(Context& context, Ref<VM> self, std::int64_t static_min,
                          std::int64_t static_max, std::int64_t dynamic_min,
                          std::int64_t dynamic_max) {
  change_sizes(context, self, Op::ChangingMemoryLimits, [&](RecordValue& vm) {
    vm.set(VM::memory_static_min, static_min);
    vm.set(VM::memory_static_max, static_max);
    vm.set(VM::memory_dynamic_min, dynamic_min);
    vm.set(VM::memory_dynamic_max, dynamic_max);
  });
}

void vm_set_memory(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingMemoryLimits, [&](RecordValue& vm) {
    if (vm.get(VM::memory_static_min) > value) vm.set(VM::memory_static_min, value);
    vm.set(VM::memory_static_max, value);
    vm.set(VM::memory_dynamic_min, value);
    vm.set(VM::memory_dynamic_max, value);
  });
}

void vm_set_memory_target_live(Context& context, Ref<VM> self, std::int64_t target) {
  vm_set_memory_dynamic_range(context, self, target, target);
}

std::int64_t vm_compute_memory_overhead(Context& context, Ref<VM> vm) {
  // What a device model takes beside the guest's own memory: a fixed part and its page tables.
  const std::int64_t memory = context.view().get(vm)[VM::memory_static_max];
  return (64ll << 20) + memory / 256;
}

bool vm_get_cooperative(Context& context, Ref<VM> self) {
  context.view().get(self);
  return true;
}

void vm_set_vcpus_max(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingVCPUs,
               [&](RecordValue& vm) { vm.set(VM::VCPUs_max, value); });
}

void vm_set_vcpus_at_startup(Context& context, Ref<VM> self, std::int64_t value) {
  change_sizes(context, self, Op::ChangingVCPUs,
               [&](RecordValue& vm) { vm.set(VM::VCPUs_at_startup, value); });
}

void vm_set_vcpus_number_live(Context& context, Ref<VM> self, std::int64_t nvcpu) {
  const OperationLock lock(context, self, Op::ChangingVCPUsLive);
  const auto vm = context.view().get(self);
  if (nvcpu < 1 || nvcpu > vm[VM::VCPUs_max])
    throw Failure("INVALID_VALUE",
                  {"VCPU values must satisfy: 0 < VCPUs <= VCPUs_max", std::to_string(nvcpu)});
  context.services().hypervisor.set_vcpus(vm[VM::uuid], nvcpu);
  context.commit([&](db::Transaction& change) {
    change.set(self, VM::VCPUs_at_startup, nvcpu);
    if (const auto metrics = change.find(vm[VM::metrics]))
      change.set(metrics->ref(), model::VM_metrics::VCPUs_number, nvcpu);
  });
}

void vm_set_hvm_boot_policy(Context& context, Ref<VM> self, std::string value) {
  using model::DomainType;
  set_kind(context, self, value.empty() ? DomainType::Pv : DomainType::Hvm, value);
}

void vm_set_domain_type(Context& context, Ref<VM> self, model::DomainType value) {
  using model::DomainType;
  if (value == DomainType::Unspecified || value == DomainType::PvInPvh)
    throw Failure("VALUE_NOT_SUPPORTED",
                  {"domain_type", std::string(model::to_string(value)), "choose hvm, pvh or pv"});
  set_kind(context, self, value, value == DomainType::Hvm ? "BIOS order" : "");
}

void vm_set_actions_after_crash(Context& context, Ref<VM> self, model::OnCrashBehaviour value) {
  set_plain(context, self, VM::actions_after_crash, value);
}

void vm_set_start_delay(Context& context, Ref<VM> self, std::int64_t value) {
  set_plain(context, self, VM::start_delay, value);
}

void vm_set_shutdown_delay(Context& context, Ref<VM> self, std::int64_t value) {
  set_plain(context, self, VM::shutdown_delay, value);
}

void vm_set_order(Context& context, Ref<VM> self, std::int64_t value) {
  set_plain(context, self, VM::order, value);
}

using BlockedMap = std::map<Op, std::string>;

void vm_set_blocked_operations(Context& context, Ref<VM> self, BlockedMap value) {
  set_plain(context, self, VM::blocked_operations, value);
}

void vm_add_to_blocked_operations(Context& context, Ref<VM> self, Op key, std::string value) {
  add_key(context, self, VM::blocked_operations, "blocked_operations", key, value);
}

void vm_remove_from_blocked_operations(Context& context, Ref<VM> self, Op key) {
  remove_key(context, self, VM::blocked_operations, key);
}

using TextMap = std::map<std::string, std::string>;

void vm_set_other_config(Context& context, Ref<VM> self, TextMap value) {
  set_plain(context, self, VM::other_config, value);
}

void vm_add_to_other_config(Context& context, Ref<VM> self, std::string key, std::string value) {
  add_key(context, self, VM::other_config, "other_config", key, value);
}

void vm_remove_from_other_config(Context& context, Ref<VM> self, std::string key) {
  remove_key(context, self, VM::other_config, key);
}

void vm_set_platform(Context& context, Ref<VM> self, TextMap value) {
  set_plain(context, self, VM::platform, value);
}

void vm_add_to_platform(Context& context, Ref<VM> self, std::string key, std::string value) {
  add_key(context, self, VM::platform, "platform", key, value);
}

void vm_remove_from_platform(Context& context, Ref<VM> self, std::string key) {
  remove_key(context, self, VM::platform, key);
}

void vm_set_is_a_template(Context& context, Ref<VM> self, bool value) {
  if (value) {
    const OperationLock lock(context, self, Op::MakeIntoTemplate);
    set_plain(context, self, VM::is_a_template, true);
    return;
  }
  context.commit([&](db::Transaction& change) {
    const auto vm = change.get(self);
    if (vm[VM::is_default_template])
      throw Failure("OPERATION_NOT_ALLOWED", {"a default template stays one; clone it"});
    if (vm[VM::is_a_snapshot])
      throw Failure("OPERATION_NOT_ALLOWED", {"a snapshot stays one; clone it"});
    change.set(self, VM::is_a_template, false);
  });
}

}  // namespace xcp::xapi
