// SPDX-License-Identifier: GPL-2.0-or-later
// See dispatch.hpp. run() is the order of checks: name, number of arguments, session, role, types.
#include "xapi/dispatch.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>

#include "datamodel/codec.hpp"
#include "xapi/accessors.hpp"
#include "xapi/handlers.gen.hpp"
#include "xapi/tasks.hpp"

namespace xcp::xapi {

using model::MessageDesc;
using model::Value;

namespace {

// Handlers by class and message; accessors without one are served generically.
class HandlerTable {
 public:
  HandlerTable() {
    for (const model::ClassDesc& desc : model::classes())
      table_.emplace_back(desc.messages.size(), nullptr);
    for (const HandlerRow& row : handler_rows())
      table_[row.class_index][row.message_index] = row.function;
  }

  HandlerFn find(const MessageDesc& message) const {
    return table_[message.class_index][position(message)];
  }

 private:
  static std::size_t position(const MessageDesc& message) {
    return static_cast<std::size_t>(&message -
                                    model::classes()[message.class_index].messages.data());
  }

  std::vector<std::vector<HandlerFn>> table_;
};

const HandlerTable& handlers() {
  static const HandlerTable table;
  return table;
}

std::string full_name(const MessageDesc& message) {
  return std::string(model::classes()[message.class_index].name) + "." + std::string(message.name);
}

struct Name {
  std::string method;
  bool async = false;
};

Name split_name(const std::string& method) {
  for (const std::string_view prefix : {"Async.", "InternalAsync."})
    if (method.starts_with(prefix)) return {method.substr(prefix.size()), true};
  return {method, false};
}

void check_count(const std::string& name, const MessageDesc& message, std::size_t given) {
  const std::size_t session = message.needs_session ? 1 : 0;
  std::size_t mandatory = 0;
  for (const model::ParamDesc& param : message.params) mandatory += param.default_json ? 0 : 1;
  if (given >= mandatory + session && given <= message.params.size() + session) return;
  const auto received = static_cast<std::int64_t>(given) - static_cast<std::int64_t>(session);
  throw Failure("MESSAGE_PARAMETER_COUNT_MISMATCH",
                {name, std::to_string(mandatory), std::to_string(received)});
}

[[noreturn]] void deny(const std::string& permission) {
  throw Failure(
      "RBAC_PERMISSION_DENIED",
      {permission, "No permission in user session. The action needs a role that has it."});
}

void check_role(const std::string& name, const MessageDesc& message, const Session& session) {
  if (session.local_superuser) return;
  if (message.pool_internal || (message.roles & session.roles) == 0) deny(name);
}

bool key_matches(const model::MapKeyRole& rule, std::string_view key) {
  if (rule.key.ends_with('*')) return key.starts_with(rule.key.substr(0, rule.key.size() - 1));
  return rule.key == key;
}

std::span<const model::MapKeyRole> key_rules(const MessageDesc& message) {
  if (!message.map_key_roles.empty()) return message.map_key_roles;
  if (message.accessor != model::Accessor::Set && message.accessor != model::Accessor::AddTo &&
      message.accessor != model::Accessor::RemoveFrom)
    return {};
  return model::classes()[message.class_index].fields[message.field_index].map_key_roles;
}

// A key with a rule of its own may be touched only by its roles; for a whole new map that means
// every key that comes, goes or changes.
void check_map_keys(const std::string& name, const MessageDesc& message, const Session& session,
                    const db::Snapshot& view, const std::vector<Value>& values) {
  const auto rules = key_rules(message);
  if (rules.empty() || session.local_superuser || values.size() < 2) return;
  const auto check = [&](std::string_view key) {
    for (const model::MapKeyRole& rule : rules)
      if (key_matches(rule, key) && (rule.roles & session.roles) == 0)
        deny(name + "/key:" + std::string(key));
  };
  if (!values[1].is_map()) {
    if (values[1].is_string()) check(values[1].as_string());
    return;
  }
  const db::RowPtr row = view.find(message.class_index, values[0].as_string());
  const auto field = model::field_index(model::classes()[message.class_index],
                                        message.name.substr(message.name.find('_') + 1));
  const Value before = row != nullptr && field ? row->fields[*field] : Value();
  for (const auto& [key, item] : values[1].as_map()) {
    const Value* old = before.find(key.as_string());
    if (old == nullptr || !(*old == item)) check(key.as_string());
  }
  for (const auto& [key, item] : before.as_map())
    if (values[1].find(key.as_string()) == nullptr) check(key.as_string());
}

std::vector<Value> read_arguments(const MessageDesc& message, const Arguments& given) {
  const std::size_t first = message.needs_session ? 1 : 0;
  std::vector<Value> values;
  values.reserve(message.params.size());
  for (std::size_t i = 0; i < message.params.size(); ++i) {
    if (i + first < given.size())
      values.push_back(given.read(i + first, *message.params[i].type));
    else
      values.push_back(model::default_value(message.params[i]));
  }
  return values;
}

Result invoke(Context& context, const MessageDesc& message, const std::vector<Value>& values) {
  if (const HandlerFn handler = handlers().find(message)) {
    Result result;
    result.value = handler(context, values);
    result.type = message.result;
    return result;
  }
  if (message.accessor == model::Accessor::None)
    throw Failure("NOT_IMPLEMENTED", {full_name(message)});
  return run_accessor(context, message, values);
}

Failure as_failure(std::exception_ptr error) {
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::exception& other) {
    return internal_error(other.what());
  } catch (...) {
    return internal_error("an unknown exception");
  }
}

const model::Type string_type{model::Kind::String};
const model::Type string_set_type{model::Kind::Set, nullptr, 0, &string_type};

// system.isAlive:<anything> and system.listMethods; nullopt for other names.
std::optional<Result> system_call(const std::string& name, const Arguments& arguments) {
  Result result;
  if (name.starts_with("system.isAlive:")) {
    result.value = arguments.size() > 0 ? arguments.read(0, string_type) : Value("");
    result.type = &string_type;
    return result;
  }
  if (name != "system.listMethods") return std::nullopt;
  model::SetValue names;
  for (const model::ClassDesc& desc : model::classes())
    for (const MessageDesc& message : desc.messages) {
      if (message.state == model::Lifecycle::Removed) continue;
      names.emplace_back(full_name(message));
      if (message.async) names.emplace_back("Async." + full_name(message));
    }
  result.value = std::move(names);
  result.type = &string_set_type;
  return result;
}

}  // namespace

Dispatcher::Dispatcher(Services& services, std::function<void(std::function<void()>)> start)
    : services_(services), start_(std::move(start)) {
  handlers();
}

bool Dispatcher::is_long(const std::string& method) {
  const Name name = split_name(method);
  if (name.async) return false;  // starting it is quick
  const MessageDesc* message = model::find_message(name.method);
  if (message == nullptr || !message->async) return false;
  return message->accessor == model::Accessor::None || handlers().find(*message) != nullptr;
}

void Dispatcher::dispatch(const Call& call, Done done) {
  try {
    run(call, done);
  } catch (...) {
    done({as_failure(std::current_exception()), {}});
  }
}

void Dispatcher::run(const Call& call, const Done& done) {
  const Name name = split_name(call.method);
  if (auto result = system_call(name.method, *call.arguments)) {
    done({std::nullopt, std::move(*result)});
    return;
  }
  const MessageDesc* message = model::find_message(name.method);
  if (message == nullptr) throw Failure("MESSAGE_METHOD_UNKNOWN", {call.method});
  if (message->state == model::Lifecycle::Removed) throw Failure("MESSAGE_REMOVED");
  const std::string method = full_name(*message);
  check_count(method, *message, call.arguments->size());
  Session session;
  if (message->needs_session) {
    session = services_.sessions.find(call.arguments->read(0, string_type).as_string());
    check_role(method, *message, session);
  }
  std::vector<Value> values = read_arguments(*message, *call.arguments);
  check_map_keys(method, *message, session, services_.store.snapshot(), values);
  if (name.async) {
    if (!message->async) throw Failure("Fault", {"no asynchronous form of " + method});
    start_async(*message, std::move(values), session, call.caller, done);
    return;
  }
  Context context(services_, session, call.caller);
  Result result = invoke(context, *message, values);
  if (context.later())
    context.later()(done);
  else
    done({std::nullopt, std::move(result)});
}

void Dispatcher::start_async(const MessageDesc& message, std::vector<Value> values,
                             const Session& session, const Caller& caller, const Done& done) {
  const Ref<model::task> task =
      services_.tasks.create("Async." + full_name(message), "", session.ref);
  start_([this, &message, values = std::move(values), session, caller, task] {
    try {
      Context context(services_, session, caller, task);
      const Result result = invoke(context, message, values);
      std::string text;
      if (message.result->kind != model::Kind::Void) result.write(text, Wire::Xml);
      services_.tasks.succeed(task, text);
    } catch (...) {
      const Failure failure = as_failure(std::current_exception());
      spdlog::info("{} failed: {}", full_name(message), failure.what());
      try {
        services_.tasks.fail(task, failure);
      } catch (const std::exception& error) {
        spdlog::error("the failure of task {} is not recorded: {}", task.str(), error.what());
      }
    }
  });
  Result result;
  static const model::Type task_type{model::Kind::Ref, nullptr, model::task::index};
  result.value = task.str();
  result.type = &task_type;
  done({std::nullopt, std::move(result)});
}

Result Dispatcher::call(const Session& session, const std::string& method,
                        std::vector<Value> arguments, const Caller& caller) {
  const Name name = split_name(method);
  const MessageDesc* message = model::find_message(name.method);
  if (message != nullptr && message->needs_session)
    arguments.insert(arguments.begin(), session.ref.str());
  Call call;
  call.method = method;
  call.arguments = std::make_shared<ValueArguments>(std::move(arguments));
  call.caller = caller;
  call.caller.gone = nullptr;
  auto promise = std::make_shared<std::promise<Outcome>>();
  dispatch(call, [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
  Outcome outcome = promise->get_future().get();
  if (outcome.failure) throw *outcome.failure;
  return std::move(outcome.result);
}

}  // namespace xcp::xapi
