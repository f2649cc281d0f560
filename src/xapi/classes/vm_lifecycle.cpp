// SPDX-License-Identifier: GPL-2.0-or-later
// VM.start, VM.pause, VM.clean_shutdown and what belongs to them: lock the operation, make the
// plan, run it, commit what it led to.
#include "xapi/classes/vm_lifecycle.hpp"

#include "xapi/classes/vm_state.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/drafts.hpp"
#include "xapi/plans/vm_plans.hpp"
#include "xapi/reconcile.hpp"

namespace xcp::xapi {

using model::SR;
using model::VDI;
using model::VM;
using model::VmPowerState;
using Op = model::VmOperations;

namespace {

constexpr std::chrono::minutes shutdown_limit{20};

void check_can_start(Context& context) {
  if (!context.view().get(context.host())[model::host::enabled])
    throw Failure("HOST_DISABLED", {context.host().str()});
}

void start_as(Context& context, const Ref<VM>& ref, bool start_paused, Op operation) {
  check_can_start(context);
  const OperationLock lock(context, ref, operation);
  const db::Snapshot view = context.view();
  const auto vm = view.get(ref);
  auto started = std::make_shared<Started>();
  context.run(start_plan(context.services(), view, vm, start_paused, started),
              [&](db::Transaction& change) {
                record_started(change, context.services(), ref, started->domain);
              });
}

// Ends the domain of a locked VM, if there is one, and records it as halted.
void stop(Context& context, const Ref<VM>& ref) {
  const db::Snapshot view = context.view();
  context.run(stop_plan(context.services(), view, view.get(ref)),
              [&](db::Transaction& change) { record_halted(change, ref); });
}

// The VM needs it no more; when it cannot be removed now reconcile does it.
void destroy_suspend_image(Context& context, const Ref<VM>& ref) {
  const db::Snapshot view = context.view();
  const auto image = view.find(view.get(ref)[VM::suspend_VDI]);
  if (!image) return;
  context.tidy(forget_image_plan(context.services(), view, *image),
               [&](db::Transaction& change) { drop_vdi(change, image->ref()); });
}

// Waits until the domain has ended or been replaced; false when the time is up or the call was
// cancelled.
bool wait_for_end(Context& context, const std::string& uuid) {
  auto& guests = context.services().reconciler;
  const auto deadline = std::chrono::steady_clock::now() + shutdown_limit;
  while (std::chrono::steady_clock::now() < deadline) {
    if (guests.wait_for_end(uuid, std::chrono::milliseconds(500))) return true;
    if (context.cancelled()) throw Failure("TASK_CANCELLED", {context.task().str()});
  }
  return false;
}

}  // namespace

void check_host(Context& context, const Ref<model::host>& host) {
  if (host != context.host()) throw Failure("HOST_OFFLINE", {host.str()});
}

Ref<SR> suspend_sr(const db::Snapshot& view, const Services& services, const db::Object<VM>& vm) {
  const auto pool = view.get(services.pool);
  const auto host = view.get(services.host);
  for (const Ref<SR>& ref : {vm[VM::suspend_SR], host[model::host::suspend_image_sr],
                             pool[model::pool::suspend_image_SR], pool[model::pool::default_SR]})
    if (view.find(ref)) return ref;
  throw Failure("VM_NO_SUSPEND_SR", {vm.ref().str()});
}

void vm_start(Context& context, Ref<VM> vm, bool start_paused, bool) {
  start_as(context, vm, start_paused, Op::Start);
}

void vm_start_on(Context& context, Ref<VM> vm, Ref<model::host> host, bool start_paused, bool) {
  context.view().get(host);
  check_host(context, host);
  start_as(context, vm, start_paused, Op::StartOn);
}

void vm_pause(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::Pause);
  context.services().hypervisor.pause(context.view().get(vm)[VM::uuid]);
  context.commit(
      [&](db::Transaction& change) { change.set(vm, VM::power_state, VmPowerState::Paused); });
}

void vm_unpause(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::Unpause);
  context.services().hypervisor.unpause(context.view().get(vm)[VM::uuid]);
  context.commit(
      [&](db::Transaction& change) { change.set(vm, VM::power_state, VmPowerState::Running); });
}

void vm_hard_shutdown(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::HardShutdown);
  stop(context, vm);
  destroy_suspend_image(context, vm);
}

void vm_clean_shutdown(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::CleanShutdown);
  const std::string uuid = context.view().get(vm)[VM::uuid];
  context.services().hypervisor.shutdown(uuid, hypervisor::ShutdownKind::poweroff);
  if (!wait_for_end(context, uuid))
    throw Failure("VM_SHUTDOWN_TIMEOUT",
                  {vm.str(), std::to_string(std::chrono::seconds(shutdown_limit).count())});
  stop(context, vm);
}

void vm_shutdown(Context& context, Ref<VM> vm) {
  if (context.view().get(vm)[VM::power_state] == VmPowerState::Running) {
    try {
      vm_clean_shutdown(context, vm);
      return;
    } catch (const Failure& failure) {
      // A guest that does not listen is stopped the hard way, as the call promises.
      if (failure.code() != "VM_SHUTDOWN_TIMEOUT") throw;
    }
  }
  vm_hard_shutdown(context, vm);
}

void vm_clean_reboot(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::CleanReboot);
  const std::string uuid = context.view().get(vm)[VM::uuid];
  const auto before = context.services().reconciler.reboots(uuid);
  context.services().hypervisor.shutdown(uuid, hypervisor::ShutdownKind::reboot);
  const auto deadline = std::chrono::steady_clock::now() + shutdown_limit;
  while (!context.services().reconciler.wait_for_reboot(uuid, before,
                                                        std::chrono::milliseconds(500))) {
    if (context.cancelled()) throw Failure("TASK_CANCELLED", {context.task().str()});
    if (std::chrono::steady_clock::now() > deadline)
      throw Failure("VM_SHUTDOWN_TIMEOUT",
                    {vm.str(), std::to_string(std::chrono::seconds(shutdown_limit).count())});
  }
  if (context.services().hypervisor.domain(uuid)) return;
  // It ended instead of rebooting in place: start it anew.
  stop(context, vm);
  const db::Snapshot view = context.view();
  auto started = std::make_shared<Started>();
  context.run(start_plan(context.services(), view, view.get(vm), false, started),
              [&](db::Transaction& change) {
                record_started(change, context.services(), vm, started->domain);
              });
}

void vm_hard_reboot(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::HardReboot);
  stop(context, vm);
  const db::Snapshot view = context.view();
  auto started = std::make_shared<Started>();
  context.run(start_plan(context.services(), view, view.get(vm), false, started),
              [&](db::Transaction& change) {
                record_started(change, context.services(), vm, started->domain);
              });
}

void vm_power_state_reset(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::PowerStateReset);
  stop(context, vm);
}

void vm_suspend(Context& context, Ref<VM> vm) {
  const OperationLock lock(context, vm, Op::Suspend);
  const db::Snapshot view = context.view();
  const Ref<SR> sr = suspend_sr(view, context.services(), view.get(vm));
  const sm::VdiSpec spec = memory_image(view.get(vm));
  const Drafts drafts(context, {{sr, spec.uuid}});
  auto image = std::make_shared<sm::VdiInfo>();
  context.run(suspend_plan(context.services(), view, view.get(vm), sr, spec, image),
              [&](db::Transaction& change) {
                record_suspended(change, vm, record_vdi(change, *image, sr));
              });
  context.tidy(release_plan(context.services(), view, view.get(vm), sr, *image));
}

namespace {

void resume_as(Context& context, const Ref<VM>& ref, bool start_paused, Op operation) {
  check_can_start(context);
  {
    const OperationLock lock(context, ref, operation);
    const db::Snapshot view = context.view();
    auto started = std::make_shared<Started>();
    context.run(resume_plan(context.services(), view, view.get(ref), start_paused, started),
                [&](db::Transaction& change) {
                  record_started(change, context.services(), ref, started->domain);
                });
    destroy_suspend_image(context, ref);
  }
}

}  // namespace

void vm_resume(Context& context, Ref<VM> vm, bool start_paused, bool) {
  resume_as(context, vm, start_paused, Op::Resume);
}

void vm_resume_on(Context& context, Ref<VM> vm, Ref<model::host> host, bool start_paused, bool) {
  context.view().get(host);
  check_host(context, host);
  resume_as(context, vm, start_paused, Op::ResumeOn);
}

void vm_assert_can_boot_here(Context& context, Ref<VM> self, Ref<model::host> host) {
  const db::Snapshot view = context.view();
  view.get(host);
  check_host(context, host);
  check_can_start(context);
  const std::int64_t needed = view.get(self)[VM::memory_static_max];
  const std::int64_t available = context.services().hypervisor.host().memory_free_bytes;
  if (needed > available)
    throw Failure("HOST_NOT_ENOUGH_FREE_MEMORY",
                  {std::to_string(needed), std::to_string(available)});
}

std::vector<Ref<model::host>> vm_get_possible_hosts(Context& context, Ref<VM> vm) {
  try {
    vm_assert_can_boot_here(context, vm, context.host());
  } catch (const Failure& failure) {
    if (failure.code() == "HANDLE_INVALID") throw;
    return {};
  }
  return {context.host()};
}

void vm_assert_operation_valid(Context& context, Ref<VM> self, Op op) {
  const db::Snapshot view = context.view();
  if (const auto failure = refusal(view, view.get(self), op)) throw *failure;
}

void vm_update_allowed_operations(Context& context, Ref<VM> self) {
  context.commit([&](db::Transaction& change) { change.touch(VM::index, self.str()); });
}

}  // namespace xcp::xapi
