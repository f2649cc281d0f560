// SPDX-License-Identifier: GPL-2.0-or-later
// One command being run: everything its function may use, and the steps that most commands are made
// of. Functions throw Failures; what they print goes through `printer`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xapi/cli/api.hpp"
#include "xapi/cli/errors.hpp"
#include "xapi/cli/printer.hpp"
#include "xapi/cli/show.hpp"
#include "xapi/cli/tables.hpp"
#include "xapi/cli/words.hpp"
#include "xapi/cli/world.hpp"

namespace xcp::cli {

struct Run {
  const Words& words;
  const CommandRow& row;
  World& world;
  Terminal& terminal;
  Printer& printer;
  std::optional<Object> selected;  // the VM, host or SR the selectors found, one at a time

  // The selected object; a programming error when the row selects nothing.
  const Object& object() const;

  // The value of a parameter as a value of that type; see arguments.cpp for the spellings.
  model::Value parse(std::string_view param, std::string_view text, const model::Type& type);

  // The object whose uuid is the value of a parameter; CLI_MISSING_PARAMETER without it.
  template <class C>
  Object param_object(std::string_view param) {
    return world.by_uuid<C>(words.need(param));
  }
  // The parameter's object, or the other one when it is absent.
  Object host_or_local(std::string_view param);

  // Calls a message; a long one shows its progress when the user can see it.
  model::Value call(std::string_view method, std::vector<model::Value> arguments);

  // A call written in the tables. nullopt: an argument that must be there is absent.
  model::Value evaluate_call(const Expr& call, const model::Value& result = {});

  // The content of a file of the user's; CLI_ERROR when it cannot be read.
  std::string load(const std::string& filename);

  // Prints a message's result the way its type wants.
  void show(const model::Value& result, const model::Type& type);

  // Asks the user; true for "yes". With force=true nobody is asked.
  bool confirm(std::string_view question);
};

// The text as a value of that type, without regard to where it comes from. `by_uuid_only`: objects
// are not looked up by name.
model::Value parse_value(World& world, std::string_view param, std::string_view text,
                         const model::Type& type, bool by_uuid_only);

// A record to create an object from: every field a client may set has its default.
model::RecordValue new_record(std::uint16_t class_index);

// "12", "4GiB", "0x1f"; nullopt for anything else.
std::optional<std::int64_t> parse_size(std::string_view text);

// Runs what the row says: guard, function or call, afterwards, print.
void run_row(Run& run);

// Waits for a task to end, telling its progress (0 to 1) whenever that has changed, and gives its
// result as XML text, or throws the failure it ended with. The task stays.
std::string follow_task(World& world, const std::string& task,
                        const std::function<void(double)>& on_progress);

// A line on standard error that is redrawn.
class ProgressLine {
 public:
  ProgressLine(Terminal& terminal, bool drawn, std::string label)
      : terminal_(terminal), drawn_(drawn), label_(std::move(label)) {}
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(double fraction);

 private:
  Terminal& terminal_;
  bool drawn_;
  bool shown_ = false;
  int percent_ = -1;
  std::string label_;
};

// The user wants to see progress: he asked for it, or his terminal can show it.
bool wants_progress(const Run& run);

}  // namespace xcp::cli
