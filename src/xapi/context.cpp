// SPDX-License-Identifier: GPL-2.0-or-later
// The call's task and the run of its plan.
#include "xapi/context.hpp"

#include <spdlog/spdlog.h>

#include "base/fault.hpp"
#include "xapi/plans/storage_plans.hpp"
#include "xapi/reconcile.hpp"
#include "xapi/tasks.hpp"

namespace xcp::xapi {

Context::Context(Services& services, Session session, Caller caller, Ref<model::task> task)
    : services_(services),
      session_(std::move(session)),
      caller_(std::move(caller)),
      task_(std::move(task)) {}

Context::~Context() {
  if (!own_task_) return;
  try {
    services_.tasks.destroy(task_);
  } catch (const std::exception& error) {
    spdlog::error("task {} stays behind: {}", task_.str(), error.what());
  }
}

const Ref<model::task>& Context::task() {
  if (task_.is_null()) {
    task_ = services_.tasks.create("call", "", session_.ref);
    own_task_ = true;
  }
  return task_;
}

bool Context::cancelled() const {
  return !task_.is_null() && services_.tasks.is_cancelled(task_);
}

void Context::run_steps(const Plan& plan, std::size_t cancellable) {
  const Ref<model::task> ref = task();
  std::size_t step = 0;
  PlanHooks hooks;
  hooks.progress = [&](double fraction) { services_.tasks.progress(ref, fraction); };
  hooks.cancelled = [&] { return step++ < cancellable && cancelled(); };
  hooks.undo_failed = [&](const std::string& name, const std::string& reason) {
    spdlog::error("{}: cannot undo \"{}\": {}", plan.name(), name, reason);
  };
  hooks.before_step = [&](const std::string& name) {
    fault_point((plan.name() + ":" + name).c_str());
  };
  try {
    run_plan(plan, hooks);
  } catch (const Failure& failure) {
    if (failure.code() == "TASK_CANCELLED") throw Failure("TASK_CANCELLED", {ref.str()});
    throw in_api_terms(view(), failure);
  }
}

void Context::run(const Plan& plan) {
  run_steps(plan, plan.steps().size());
}

void Context::run(const Plan& plan, const std::function<void(db::Transaction&)>& record) {
  Plan recorded = plan;
  recorded.step("record", 1, [&] {
    // Everything is done and nothing of it recorded.
    fault_point((plan.name() + ":done").c_str());
    commit(record);
  });
  run_steps(recorded, plan.steps().size());
}

void Context::tidy(const Plan& plan, const std::function<void(db::Transaction&)>& record) {
  try {
    run_steps(plan, 0);
    if (record) commit(record);
  } catch (const std::exception& error) {
    spdlog::warn("{}: not everything was cleared away: {}", plan.name(), error.what());
    services_.reconciler.poke("");
  }
}

}  // namespace xcp::xapi
