// SPDX-License-Identifier: GPL-2.0-or-later
// The life of task rows.
#include "xapi/tasks.hpp"

#include <algorithm>
#include <vector>

#include "xapi/context.hpp"

namespace xcp::xapi {

using T = model::task;

namespace {

constexpr std::size_t completed_limit = 200;
constexpr std::int64_t completed_seconds = 65 * 60;
constexpr std::chrono::milliseconds report_interval{250};

bool is_final(model::TaskStatusType status) {
  return status != model::TaskStatusType::Pending && status != model::TaskStatusType::Cancelling;
}

}  // namespace

Ref<T> Tasks::create(const std::string& label, const std::string& description,
                     const Ref<model::session>& session, const Ref<T>& parent) {
  Ref<T> ref;
  store_.commit([&](db::Transaction& change) {
    auto record = empty_record<T>();
    record.set(T::name_label, label);
    record.set(T::name_description, description);
    record.set(T::created, model::now());
    record.set(T::status, model::TaskStatusType::Pending);
    record.set(T::resident_on, host_);
    record.set(T::type, "<none/>");
    record.set(T::allowed_operations, {model::TaskAllowedOperations::Cancel});
    if (change.find(parent)) record.set(T::subtask_of, parent);
    if (change.find(session)) record.set(T::session, session);
    ref = change.create<T>(std::move(record));
  });
  std::lock_guard lock(mutex_);
  live_[ref.str()];
  return ref;
}

void Tasks::progress(const Ref<T>& task, double fraction) {
  {
    // Clients look at progress a few times a second; more would only load the store.
    std::lock_guard lock(mutex_);
    const auto found = live_.find(task.str());
    if (found == live_.end()) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - found->second.reported < report_interval) return;
    found->second.reported = now;
  }
  store_.commit([&](db::Transaction& change) {
    if (change.find(task)) change.set(task, T::progress, std::clamp(fraction, 0.0, 1.0));
  });
}

void Tasks::finish(const Ref<T>& task, const std::function<void(db::Transaction&)>& result) {
  {
    std::lock_guard lock(mutex_);
    live_.erase(task.str());
  }
  store_.commit([&](db::Transaction& change) {
    const auto row = change.find(task);
    if (!row || is_final(row->get(T::status))) return;
    change.set(task, T::finished, model::now());
    change.set(task, T::allowed_operations, {model::TaskAllowedOperations::Destroy});
    result(change);
  });
  expire();
}

void Tasks::succeed(const Ref<T>& task, const std::string& result_xml) {
  finish(task, [&](db::Transaction& change) {
    change.set(task, T::progress, 1.0);
    change.set(task, T::result, result_xml);
    change.set(task, T::status, model::TaskStatusType::Success);
  });
}

void Tasks::fail(const Ref<T>& task, const Failure& failure) {
  finish(task, [&](db::Transaction& change) {
    std::vector<std::string> info{failure.code()};
    info.insert(info.end(), failure.params().begin(), failure.params().end());
    const bool cancelled = failure.code() == "TASK_CANCELLED";
    change.set(task, T::progress, 1.0);
    change.set(task, T::error_info, info);
    change.set(task, T::backtrace,
               std::string("((") + failure.where().file_name() + " " +
                   std::to_string(failure.where().line()) + "))");
    change.set(task, T::status,
               cancelled ? model::TaskStatusType::Cancelled : model::TaskStatusType::Failure);
  });
}

void Tasks::cancel(const Ref<T>& task) {
  {
    std::lock_guard lock(mutex_);
    const auto found = live_.find(task.str());
    if (found == live_.end()) return;
    found->second.cancelled = true;
  }
  store_.commit([&](db::Transaction& change) {
    const auto row = change.find(task);
    if (row && row->get(T::status) == model::TaskStatusType::Pending)
      change.set(task, T::status, model::TaskStatusType::Cancelling);
  });
}

bool Tasks::is_cancelled(const Ref<T>& task) const {
  std::lock_guard lock(mutex_);
  const auto found = live_.find(task.str());
  return found != live_.end() && found->second.cancelled;
}

void Tasks::destroy(const Ref<T>& task) {
  {
    std::lock_guard lock(mutex_);
    live_.erase(task.str());
  }
  store_.commit([&](db::Transaction& change) {
    if (change.find(task)) change.destroy(task);
  });
}

void Tasks::expire() {
  const db::Snapshot view = store_.snapshot();
  if (view.rows(T::index).size() <= completed_limit / 2) return;
  std::vector<std::pair<std::int64_t, Ref<T>>> completed;
  for (const auto& task : view.all<T>())
    if (is_final(task[T::status])) completed.emplace_back(task[T::finished].seconds, task.ref());
  std::sort(completed.begin(), completed.end());
  const std::int64_t oldest = model::now().seconds - completed_seconds;
  std::size_t surplus = completed.size() > completed_limit ? completed.size() - completed_limit : 0;
  for (const auto& [finished, ref] : completed) {
    if (surplus == 0 && finished >= oldest) break;
    if (surplus > 0) --surplus;
    destroy(ref);
  }
}

}  // namespace xcp::xapi
