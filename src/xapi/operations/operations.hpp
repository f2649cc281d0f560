// SPDX-License-Identifier: GPL-2.0-or-later
// One operation at a time per object, from one table: operation x state x running operations. The
// same function feeds allowed_operations, the lock and the error, so they can never disagree.
// Running operations are rows' current_operations (task -> operation); they are not stored on disk
// and end with the process.
#pragma once

#include <chrono>
#include <optional>
#include <thread>

#include "xapi/context.hpp"

namespace xcp::xapi {

// Why `operation` cannot start on the object now; nullopt when it can. Pure.
std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<model::VM>& vm,
                               model::VmOperations operation);
std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<model::VBD>& vbd,
                               model::VbdOperations operation);
std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<model::VIF>& vif,
                               model::VifOperations operation);
std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<model::VDI>& vdi,
                               model::VdiOperations operation);
std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<model::SR>& sr,
                               model::StorageOperations operation);

// Running or paused: it has a domain.
bool is_up(model::VmPowerState state);

Failure bad_power_state(const db::Object<model::VM>& vm,
                        const std::vector<model::VmPowerState>& expected);

// Whether the driver of the SR has an ability, named as in SM.features.
bool sr_has_feature(const db::Snapshot& view, const Ref<model::SR>& sr, std::string_view feature);

// A host has it open.
bool is_plugged(const db::Snapshot& view, const db::Object<model::SR>& sr);

// The store's derive function: allowed_operations of everything a transaction may have changed.
void derive_allowed_operations(db::Transaction& change);

// Forgets running operations (there are none after a start) and computes what is allowed.
void reset_operations(db::Store& store);

// Reconcile holds guests for a moment; nobody is refused for its sake.
bool is_held_by_reconcile(const Failure& failure);

// Holds an operation on an object for as long as it lives. Throws the refusal.
template <class C, class Op>
class OperationLock {
 public:
  OperationLock(Context& context, Ref<C> object, Op operation)
      : context_(context), object_(std::move(object)), task_(context.task().str()) {
    constexpr std::chrono::seconds patience{10};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
      try {
        begin(operation);
        return;
      } catch (const Failure& failure) {
        if (!is_held_by_reconcile(failure) || std::chrono::steady_clock::now() > deadline) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  ~OperationLock() {
    try {
      context_.commit([&](db::Transaction& change) {
        const auto row = change.find(object_);
        if (!row) return;
        auto running = (*row)[C::current_operations];
        running.erase(task_);
        change.set(object_, C::current_operations, running);
      });
    } catch (const std::exception&) {
      // The store refused (disk full): the operation is forgotten at the next start.
    }
  }
  OperationLock(const OperationLock&) = delete;
  OperationLock& operator=(const OperationLock&) = delete;

 private:
  void begin(Op operation) {
    context_.commit([&](db::Transaction& change) {
      const db::Object<C> row = change.get(object_);
      if (const auto failure = refusal(change.view(), row, operation)) throw *failure;
      auto running = row[C::current_operations];
      running[task_] = operation;
      change.set(object_, C::current_operations, running);
    });
  }

  Context& context_;
  Ref<C> object_;
  std::string task_;
};

template <class C, class Op>
OperationLock(Context&, Ref<C>, Op) -> OperationLock<C, Op>;

// OTHER_OPERATION_IN_PROGRESS for the first running operation of the object.
template <class C>
std::optional<Failure> busy(const db::Object<C>& object) {
  const auto running = object[C::current_operations];
  if (running.empty()) return std::nullopt;
  return Failure("OTHER_OPERATION_IN_PROGRESS",
                 {std::string(object.row()->desc().name), object.ref().str(),
                  std::string(model::to_string(running.begin()->second)), running.begin()->first});
}

// True when the operation opens the VM's disks: it excludes operations on them and the other way
// round, so that nobody opens an image that is just being replaced.
bool opens_disks(model::VmOperations operation);

// True when XenAPI message "<class>.<name>" exists here and is only a name yet.
bool not_implemented(std::string_view class_name, std::string_view message);

}  // namespace xcp::xapi
