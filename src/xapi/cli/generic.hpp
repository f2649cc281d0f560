// SPDX-License-Identifier: GPL-2.0-or-later
// The commands every class has: <class>-list and <class>-param-list, -get, -set, -add, -remove,
// -clear, made from the rows of the class.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xapi/cli/printer.hpp"
#include "xapi/cli/tables.hpp"
#include "xapi/cli/words.hpp"
#include "xapi/cli/world.hpp"

namespace xcp::cli {

enum class Verb { List, ParamList, ParamGet, ParamSet, ParamAdd, ParamRemove, ParamClear };

struct GenericCommand {
  const ClassRow* row;
  Verb verb;
};

// nullopt when the name is none, or the class has no such command.
std::optional<GenericCommand> find_generic(std::string_view name);
std::vector<std::string> generic_names();

struct Params {
  std::vector<std::string> reqd;
  std::vector<std::string> optn;
};
Params generic_params(const GenericCommand& command);
std::string generic_doc(const GenericCommand& command);
bool is_standard(const GenericCommand& command);

void run_generic(const GenericCommand& command, const Words& words, World& world, Printer& printer);

// The records of these objects with the fields named; for commands that list something related.
// `fields` empty: the class's default, "all": every one.
std::vector<Record> records_of(World& world, const ClassRow& row,
                               const std::vector<Object>& objects,
                               const std::vector<std::string>& fields);

}  // namespace xcp::cli
