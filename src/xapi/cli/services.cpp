// SPDX-License-Identifier: GPL-2.0-or-later
// Remaining commands that are more than one call: waiting for events, sessions, callers, diagnosis.
#include <fmt/format.h>

#include <algorithm>

#include "xapi/cli/commands.gen.hpp"
#include "xapi/cli/generic.hpp"
#include "xapi/cli/selection.hpp"

namespace xcp::cli {
namespace {

// How soon a waiting command notices that its user has gone.
constexpr std::chrono::seconds look_interval{5};

// field=value, or field=/=value: the field must have another value.
struct Awaited {
  Condition condition;
  bool negated = false;
};

std::vector<Awaited> awaited_conditions(const ClassRow& row, const Words& words) {
  std::vector<Awaited> conditions;
  for (const auto& [name, text] : words.params()) {
    if (name == "class" || is_common_param(name)) continue;
    // "a=/=b" is split at its first sign: the rest of the other one stands before the value.
    const bool negated = text.starts_with("/=");
    conditions.push_back({parse_condition(row, name, negated ? text.substr(2) : text), negated});
  }
  return conditions;
}

bool any_fits(World& world, const ClassRow& row, const std::vector<Awaited>& conditions) {
  const auto objects = world.all(row.class_index);
  return std::any_of(objects.begin(), objects.end(), [&](const Object& object) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const Awaited& awaited) {
      return fits(world, object, awaited.condition) != awaited.negated;
    });
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Fields may come from other objects, such as a VM's addresses from its guest metrics.
std::vector<std::string> watched_classes(const ClassRow& row, const std::vector<Awaited>& awaited) {
  std::vector<std::string> classes = {lower(model::classes()[row.class_index].name)};
  for (const auto& entry : awaited) {
    const model::ClassDesc* desc = &model::classes()[row.class_index];
    for (const auto step : entry.condition.field->path) {
      const model::Type* type = desc->fields[step].type;
      if (type->kind == model::Kind::Set) type = type->element;
      if (type->kind != model::Kind::Ref) break;
      desc = &model::classes()[type->class_index];
      classes.push_back(lower(desc->name));
    }
    if (entry.condition.field->source != FieldRow::Source::Path) classes = {"*"};
    if (classes.front() == "*") break;
  }
  return classes;
}

}  // namespace

void do_event_wait(Run& run) {
  const std::string name = run.words.need("class");
  const ClassRow* row = find_class_row(name);
  if (!row) throw cli_error(fmt::format("There is no class '{}'.", name));
  const auto conditions = awaited_conditions(*row, run.words);
  const auto classes = watched_classes(*row, conditions);
  std::string token;
  run.world.api().wait_for_change(classes, token, std::chrono::milliseconds(0));
  while (!any_fits(run.world, *row, conditions)) {
    if (!run.terminal.connected()) throw Failure(connection_lost);
    run.world.api().wait_for_change(classes, token, look_interval);
    run.world.forget();
  }
}

void do_session_logout_all(Run& run) {
  const model::Value subjects = run.world.call("session.get_all_subject_identifiers");
  for (const auto& subject : subjects.as_set()) {
    run.call("session.logout_subject_identifier", {subject});
  }
}

void do_caller_query_usage(Run& run) {
  if (const auto group = run.words.get("group")) {
    const auto calls = run.world.call("Caller.query_group_call_count", {*group});
    const auto tokens = run.world.call("Caller.query_group_token_usage", {*group});
    return run.printer.table({{{"group", *group},
                               {"calls", std::to_string(calls.as_int())},
                               {"tokens", fmt::format("{:.3f}", tokens.as_float())}}});
  }
  if (!run.words.has("uuid")) throw Failure(missing_parameter, {"uuid or group"});
  const Object caller = run.param_object<model::Caller>("uuid");
  const auto calls = run.world.call_on("Caller.query_call_count", caller.ref);
  const auto tokens = run.world.call_on("Caller.query_token_usage", caller.ref);
  run.printer.table({{{"uuid", caller.uuid()},
                      {"calls", std::to_string(calls.as_int())},
                      {"tokens", fmt::format("{:.3f}", tokens.as_float())}}});
}

void do_rate_limit_create(Run& run) {
  const auto number = [&](std::string_view param) {
    static constexpr model::Type type{model::Kind::Float};
    return run.parse(param, run.words.need(param), type).as_float();
  };
  model::SetValue callers;
  for (const auto& uuid : split_commas(run.words.get_or("caller-uuids", ""))) {
    callers.push_back(run.world.by_uuid<model::Caller>(uuid).ref);
  }
  model::RecordValue record = new_record(model::Rate_limit::index);
  record.set(model::Rate_limit::name_label, run.words.get_or("name-label", ""));
  record.set(model::Rate_limit::name_description, run.words.get_or("name-description", ""));
  record.set(model::Rate_limit::burst_size, number("burst-size"));
  record.set(model::Rate_limit::fill_rate, number("fill-rate"));
  const model::Value limit = run.call("Rate_limit.create", {record});
  for (const auto& caller : callers) run.call("Rate_limit.add_caller", {limit, caller});
  run.show(limit, *model::find_message("Rate_limit.create")->result);
}

void do_diagnostic_timing_stats(Run& run) {
  const bool counts = run.words.flag("counts");
  for (const Object& host : run.world.all<model::host>()) {
    const auto stats = run.world.call("host.get_diagnostic_timing_stats", {host.ref, counts});
    Record record = {{"host-uuid", host.uuid()}, {"host-name-label", host.name()}};
    for (const auto& [key, value] : stats.as_map()) {
      record.emplace_back(key.as_string(), value.as_string());
    }
    run.printer.table({record});
  }
}

void do_diagnostic_license_status(Run& run) {
  std::vector<Record> records;
  for (const Object& host : run.world.all<model::host>()) {
    const auto params = host.get(model::host::license_params);
    const auto param = [&](const std::string& key) {
      const auto found = params.find(key);
      return found == params.end() ? std::string("never") : found->second;
    };
    records.push_back({{"host-uuid", host.uuid()},
                       {"hostname", host.get(model::host::hostname)},
                       {"edition", host.get(model::host::edition)},
                       {"expiry", param("expiry")}});
  }
  run.printer.table(records);
}

}  // namespace xcp::cli
