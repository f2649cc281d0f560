// SPDX-License-Identifier: GPL-2.0-or-later
// From a command line to its exit status: words, row, parameters, session, objects, run.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "datamodel/codec.hpp"
#include "xapi/cli/api.hpp"
#include "xapi/cli/errors.hpp"
#include "xapi/cli/generic.hpp"
#include "xapi/cli/help.hpp"
#include "xapi/cli/run.hpp"
#include "xapi/cli/selection.hpp"

namespace xcp::cli {
namespace {

constexpr std::string_view session_prefix = "session_id=";
constexpr std::int64_t default_message_priority = 5;

// The session to use as it is, taken out of the words.
std::optional<std::string> take_session(std::vector<std::string>& words) {
  if (words.empty() || !words.front().starts_with(session_prefix)) return std::nullopt;
  std::string session = words.front().substr(session_prefix.size());
  words.erase(words.begin());
  return session;
}

void need_params(const Words& words, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (!words.has(name)) throw Failure(missing_parameter, {name});
  }
}

// After an operation on a VM the user hears what the system has to say about it.
class VmMessages {
 public:
  VmMessages(Run& run, const Object& vm)
      : run_(run), uuid_(vm.uuid()), since_(model::now().seconds) {
    limit_ =
        parse_size(run.words.get_or("message-priority", "")).value_or(default_message_priority);
  }

  void tell() {
    for (const auto& message : fetch()) {
      run_.terminal.print_stderr(
          fmt::format("time: {}  priority: {}  name: {}\n",
                      model::format_datetime(message.get(model::message::timestamp)),
                      message.get(model::message::priority), message.get(model::message::name_)));
    }
  }

 private:
  std::vector<model::RecordValue> fetch() {
    std::vector<model::RecordValue> found;
    try {
      const model::Value cls = model::to_value(model::Cls::VM);
      const model::Value all = run_.world.call("message.get", {cls, uuid_, since_});
      for (const auto& entry : all.as_map()) {
        const auto& message = entry.second.as_record();
        if (message.get(model::message::priority) < limit_) found.push_back(message);
      }
    } catch (const Failure& failure) {
      if (failure.code() == connection_lost) throw;
      // Messages are extra: the operation itself has succeeded.
    }
    return found;
  }

  Run& run_;
  std::string uuid_;
  std::int64_t since_;
  std::int64_t limit_ = default_message_priority;
};

void run_on(Run& run, const Object& object) {
  run.selected = object;
  std::optional<VmMessages> messages;
  if (run.row.select == Select::Vm) messages.emplace(run, object);
  run_row(run);
  if (messages) messages->tell();
}

// Goes on to the next object after a failure; every failed one is named.
void run_on_several(Run& run, const std::vector<Object>& objects) {
  bool failed = false;
  for (const Object& object : objects) {
    try {
      run_on(run, object);
    } catch (const Failure& failure) {
      if (failure.code() == connection_lost) throw;
      failed = true;
      run.terminal.print(fmt::format("{}: {}", object.uuid(), summary(failure, &run.world)));
    }
  }
  if (failed) throw Failure(already_reported);
}

void run_command(const CommandRow& row, const Words& words, World& world, Terminal& terminal,
                 Printer& printer) {
  Run run{words, row, world, terminal, printer, std::nullopt};
  if (row.select == Select::None || row.own_selection) return run_row(run);
  const auto objects = select_objects(words, row, world);
  if (objects.size() == 1) return run_on(run, objects.front());
  run_on_several(run, objects);
}

// One command line from its words to its end.
class CommandLine {
 public:
  CommandLine(std::vector<std::string> words, Door& door, Terminal& terminal)
      : door_(door),
        terminal_(terminal),
        session_(take_session(words)),
        words_(words),
        printer_(terminal, words_.flag("minimal")) {}

  void run() {
    if (words_.command() == "help") {
      run_help(words_, printer_);
    } else if (const CommandRow* row = find_command_row(words_.command())) {
      need_params(words_, {row->reqd.begin(), row->reqd.end()});
      enter(row->local);
      run_command(*row, words_, *world_, terminal_, printer_);
    } else if (const auto generic = find_generic(words_.command())) {
      need_params(words_, generic_params(*generic).reqd);
      enter(false);
      run_generic(*generic, words_, *world_, printer_);
    } else {
      throw Failure(unknown_command, {words_.command()});
    }
    printer_.finish();
  }

  World* world() { return world_ ? &*world_ : nullptr; }
  bool wants_trace() const { return parse_bool(words_.get_or("trace", "")).value_or(false); }

 private:
  void enter(bool local) {
    if (session_) {
      api_ = door_.use_session(*session_);
    } else {
      log_in({words_.get_or("username", ""), words_.get_or("password", ""), local});
    }
    world_.emplace(*api_);
  }

  void log_in(const Login& login) {
    try {
      api_ = door_.log_in(login);
    } catch (const Failure& failure) {
      if (failure.code() != "SESSION_AUTHENTICATION_FAILED") throw;
      // What the user reads depends on whether he gave a name at all.
      throw Failure(failure.code(), {login.user});
    }
  }

  Door& door_;
  Terminal& terminal_;
  std::optional<std::string> session_;
  Words words_;
  Printer printer_;
  std::unique_ptr<Api> api_;
  std::optional<World> world_;
};

void tell_trace(const Failure& failure, Terminal& terminal) {
  terminal.print_stderr(fmt::format("{}\nraised at {}:{} in {}\n", failure.what(),
                                    failure.where().file_name(), failure.where().line(),
                                    failure.where().function_name()));
}

// The exit status; everything else has been told the user.
int run_words(std::vector<std::string> words, Door& door, Terminal& terminal) {
  std::optional<CommandLine> line;
  try {
    line.emplace(std::move(words), door, terminal);
    line->run();
    return 0;
  } catch (const Failure& failure) {
    if (failure.code() == connection_lost) throw;
    report(failure, terminal, line ? line->world() : nullptr);
    if (line && line->wants_trace()) tell_trace(failure, terminal);
    return 1;
  }
}

}  // namespace

int run_command_line(std::vector<std::string> words, Door& door, Terminal& terminal) {
  try {
    const int status = run_words(std::move(words), door, terminal);
    terminal.exit(status);
    return status;
  } catch (const Failure& failure) {
    if (failure.code() != connection_lost) throw;
    return 1;
  }
}

}  // namespace xcp::cli
