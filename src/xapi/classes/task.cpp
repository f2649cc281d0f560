// SPDX-License-Identifier: GPL-2.0-or-later
// Tasks as clients handle them. Others' tasks may be touched by pool operators only.
#include "xapi/tasks.hpp"

#include "xapi/context.hpp"
#include "xapi/handlers/task.gen.hpp"

namespace xcp::xapi {

using model::task;

namespace {

constexpr model::RoleMask pool_operator_or_more = 0b11;

void check_owner(Context& context, const db::Object<task>& object, const char* permission) {
  const Session& session = context.session();
  if (session.local_superuser || (session.roles & pool_operator_or_more) != 0) return;
  if (const auto owner = context.view().find(object[task::session]))
    if ((*owner)[model::session::auth_user_name] == session.user) return;
  throw Failure("RBAC_PERMISSION_DENIED", {permission, "The task belongs to somebody else."});
}

db::Object<task> own_task(Context& context, const Ref<task>& self, const char* permission) {
  const auto object = context.view().get(self);
  check_owner(context, object, permission);
  return object;
}

template <class T>
void set_own(Context& context, const Ref<task>& self, model::Field<task, T> field, const T& value) {
  own_task(context, self, "task.set/any");
  context.commit([&](db::Transaction& change) { change.set(self, field, value); });
}

}  // namespace

Ref<task> task_create(Context& context, std::string label, std::string description) {
  return context.services().tasks.create(label, description, context.session().ref);
}

void task_destroy(Context& context, Ref<task> self) {
  own_task(context, self, "task.destroy/any");
  context.services().tasks.destroy(self);
}

void task_cancel(Context& context, Ref<task> self) {
  const auto object = own_task(context, self, "task.cancel/any");
  if (object[task::status] != model::TaskStatusType::Pending &&
      object[task::status] != model::TaskStatusType::Cancelling)
    throw Failure("OPERATION_NOT_ALLOWED", {"the task has ended already"});
  context.services().tasks.cancel(self);
}

void task_set_status(Context& context, Ref<task> self, model::TaskStatusType value) {
  own_task(context, self, "task.set/any");
  context.commit([&](db::Transaction& change) {
    change.set(self, task::status, value);
    if (value == model::TaskStatusType::Pending || value == model::TaskStatusType::Cancelling)
      return;
    change.set(self, task::finished, model::now());
    change.set(self, task::allowed_operations, {model::TaskAllowedOperations::Destroy});
  });
}

void task_set_progress(Context& context, Ref<task> self, double value) {
  set_own(context, self, task::progress, value);
}

void task_set_result(Context& context, Ref<task> self, std::string value) {
  set_own(context, self, task::result, value);
}

void task_set_error_info(Context& context, Ref<task> self, std::vector<std::string> value) {
  set_own(context, self, task::error_info, value);
}

void task_add_to_other_config(Context& context, Ref<task> self, std::string key,
                              std::string value) {
  own_task(context, self, "task.set/any");
  context.commit([&](db::Transaction& change) {
    auto map = change.get(self)[task::other_config];
    if (!map.emplace(key, value).second)
      throw Failure("MAP_DUPLICATE_KEY", {"task", "other_config", self.str(), key});
    change.set(self, task::other_config, map);
  });
}

void task_remove_from_other_config(Context& context, Ref<task> self, std::string key) {
  own_task(context, self, "task.set/any");
  context.commit([&](db::Transaction& change) {
    auto map = change.get(self)[task::other_config];
    map.erase(key);
    change.set(self, task::other_config, map);
  });
}

void task_set_other_config(Context& context, Ref<task> self,
                           std::map<std::string, std::string> value) {
  set_own(context, self, task::other_config, value);
}

}  // namespace xcp::xapi
