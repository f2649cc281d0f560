// SPDX-License-Identifier: GPL-2.0-or-later
// The call's task and the run of its plan.
#include "xapi/context.hpp"

#include <spdlog/spdlog.h>

#include "base/fault.hpp"
#include "xapi/plans/storage_plans.hpp"
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

void Context::run(const Plan& plan) {
  const Ref<model::task> ref = task();
  PlanHooks hooks;
  hooks.progress = [&](double fraction) { services_.tasks.progress(ref, fraction); };
  hooks.cancelled = [&] { return cancelled(); };
  hooks.undo_failed = [&](const std::string& step, const std::string& reason) {
    spdlog::error("{}: cannot undo \"{}\": {}", plan.name(), step, reason);
  };
  hooks.before_step = [&](const std::string& step) {
    fault_point((plan.name() + ":" + step).c_str());
  };
  try {
    run_plan(plan, hooks);
    // Everything is done and nothing of it recorded.
    fault_point((plan.name() + ":done").c_str());
  } catch (const Failure& failure) {
    if (failure.code() == "TASK_CANCELLED") throw Failure("TASK_CANCELLED", {ref.str()});
    throw in_api_terms(view(), failure);
  }
}

}  // namespace xcp::xapi
