// SPDX-License-Identifier: GPL-2.0-or-later
// The steps commands are made of; see run.hpp.
#include "xapi/cli/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <pugixml.hpp>

#include "datamodel/codec.hpp"

namespace xcp::cli {
namespace {

using model::Kind;
using model::Type;
using model::Value;

bool chosen(const Words& words, std::string_view param) {
  const auto text = words.get(param);
  return text && parse_bool(*text).value_or(true);
}

// The call of the row that fits the parameters given.
const Expr& call_of(const Run& run) {
  for (const Conditional& row : run.row.when) {
    if (chosen(run.words, row.param)) return row.call;
  }
  if (run.row.call) return *run.row.call;
  std::string names;
  for (const Conditional& row : run.row.when) {
    names += fmt::format("{}{}", names.empty() ? "" : " or ", row.param);
  }
  throw Failure(missing_parameter, {names});
}

const Type& result_type(const Expr& call) {
  const model::MessageDesc* message = model::find_message(call.text);
  if (!message) throw internal_error("no message " + std::string(call.text));
  return *message->result;
}

void run_call(Run& run) {
  const Expr& call = call_of(run);
  const Value result = run.evaluate_call(call);
  run.world.forget();
  for (const Conditional& row : run.row.then) {
    if (run.words.has(row.param)) run.evaluate_call(row.call, result);
  }
  if (run.row.show) run.show(result, result_type(call));
}

Value value_from_xml(const std::string& text, const Type& type) {
  if (type.kind == Kind::Void || text.empty()) return {};
  pugi::xml_document document;
  if (!document.load_string(text.c_str(), pugi::parse_default | pugi::parse_ws_pcdata_single)) {
    throw internal_error("the result of a task is no XML");
  }
  return model::read_xml(document.document_element(), type);
}

Record record_of(World& world, const Value& value, const Type& type) {
  Record record;
  const auto& desc = model::classes()[type.class_index];
  const auto& fields = value.as_record().fields;
  for (std::size_t i = 0; i < desc.fields.size() && i < fields.size(); ++i) {
    if (desc.fields[i].internal) continue;
    record.emplace_back(desc.fields[i].name, text_of(world, fields[i], *desc.fields[i].type));
  }
  return record;
}

// The task of an asynchronous call, destroyed when this goes away. One that still runs when the
// user has gone stays until it expires.
struct OwnedTask {
  World& world;
  std::string ref;
  bool ended = false;

  ~OwnedTask() {
    if (!ended) return;
    try {
      world.call_on("task.destroy", ref);
    } catch (const Failure&) {
      // It expires by itself.
    }
  }
};

Value call_with_progress(Run& run, const model::MessageDesc& message, std::string_view method,
                         std::vector<Value> arguments) {
  const Value ref = run.world.call(fmt::format("Async.{}", method), std::move(arguments));
  OwnedTask task{run.world, ref.as_string()};
  ProgressLine line(run.terminal, true, std::string(run.row.name));
  try {
    const std::string result =
        follow_task(run.world, task.ref, [&](double fraction) { line.update(fraction); });
    task.ended = true;
    return value_from_xml(result, *message.result);
  } catch (const Failure& failure) {
    task.ended = failure.code() != connection_lost;
    throw;
  }
}

[[noreturn]] void throw_task_failure(const model::RecordValue& task) {
  const auto info = task.get(model::task::error_info);
  if (info.empty()) throw internal_error("the task failed without a reason");
  throw Failure(info.front(), {info.begin() + 1, info.end()});
}

}  // namespace

const Object& Run::object() const {
  if (!selected) throw internal_error(fmt::format("{} has selected nothing", row.name));
  return *selected;
}

Object Run::host_or_local(std::string_view param) {
  if (words.has(param)) return param_object<model::host>(param);
  return world.local_host();
}

Value Run::call(std::string_view method, std::vector<Value> arguments) {
  const model::MessageDesc* message = model::find_message(method);
  const bool visible = message && message->async && row.long_running && wants_progress(*this);
  if (visible) return call_with_progress(*this, *message, method, std::move(arguments));
  return world.call(method, std::move(arguments));
}

std::string Run::load(const std::string& filename) {
  if (auto content = terminal.load(filename)) return std::move(*content);
  throw cli_error("The file cannot be read: " + filename);
}

void Run::show(const Value& result, const Type& type) {
  switch (type.kind) {
    case Kind::Void:
      return;
    case Kind::Ref:
      return printer.list({text_of(world, result, type)});
    case Kind::Set: {
      std::vector<std::string> items;
      std::vector<Record> records;
      for (const auto& member : result.as_set()) {
        if (type.element->kind == Kind::Record) {
          records.push_back(record_of(world, member, *type.element));
        } else if (type.element->kind == Kind::Set) {
          items.push_back(shown(world, member, *type.element, Access::SRO, ", ").text);
        } else {
          items.push_back(text_of(world, member, *type.element));
        }
      }
      if (!records.empty()) return printer.table(records);
      return printer.list(items);
    }
    case Kind::Map: {
      const Shown map = shown(world, result, type);
      return printer.table({Record(map.entries.begin(), map.entries.end())});
    }
    case Kind::Record:
      return printer.table({record_of(world, result, type)});
    case Kind::String:
    case Kind::Secret:
    case Kind::Int:
    case Kind::Float:
    case Kind::Bool:
    case Kind::DateTime:
    case Kind::Enum:
    case Kind::Option:
    case Kind::Any:
      return printer.list({text_of(world, result, type)});
  }
}

bool Run::confirm(std::string_view question) {
  if (words.flag("force")) return true;
  terminal.print(question);
  terminal.print("Type 'yes' to continue");
  std::string answer = terminal.prompt();
  const auto keep = [](char c) { return !std::isspace(static_cast<unsigned char>(c)); };
  answer.erase(std::find_if(answer.rbegin(), answer.rend(), keep).base(), answer.end());
  answer.erase(answer.begin(), std::find_if(answer.begin(), answer.end(), keep));
  for (char& c : answer) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return answer == "yes";
}

void run_row(Run& run) {
  const CommandRow& row = run.row;
  if (!row.guard_param.empty() && !run.words.flag(row.guard_param)) {
    throw cli_error(std::string(row.guard_text));
  }
  if (row.function) return row.function(run);
  run_call(run);
}

std::string follow_task(World& world, const std::string& task,
                        const std::function<void(double)>& on_progress) {
  const std::vector<std::string> classes = {"task/" + task};
  std::string token;
  // The token comes before the look, so that an end in between wakes the wait.
  world.api().wait_for_change(classes, token, std::chrono::milliseconds(0));
  for (;;) {
    const Value value = world.call_on("task.get_record", task);
    const model::RecordValue& record = value.as_record();
    switch (record.get(model::task::status)) {
      case model::TaskStatusType::Pending:
      case model::TaskStatusType::Cancelling:
        break;
      case model::TaskStatusType::Success:
        return record.get(model::task::result);
      case model::TaskStatusType::Failure:
      case model::TaskStatusType::Cancelled:
        throw_task_failure(record);
    }
    if (on_progress) on_progress(record.get(model::task::progress));
    world.api().wait_for_change(classes, token, std::chrono::seconds(30));
  }
}

bool wants_progress(const Run& run) {
  if (run.words.has("progress")) return run.words.flag("progress");
  return run.terminal.draws_progress() && !run.printer.minimal();
}

ProgressLine::~ProgressLine() {
  if (!shown_) return;
  try {
    terminal_.print_stderr("\r\x1b[K");
  } catch (const Failure&) {
    // The user is gone; there is no line to wipe.
  }
}

void ProgressLine::update(double fraction) {
  const int percent = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * 100));
  if (!drawn_ || percent == percent_) return;
  percent_ = percent;
  shown_ = true;
  constexpr int width = 30;
  const int filled = percent * width / 100;
  terminal_.print_stderr(
      fmt::format("\r{} [{:<{}}] {:3} %", label_, std::string(filled, '#'), width, percent));
}

}  // namespace xcp::cli
