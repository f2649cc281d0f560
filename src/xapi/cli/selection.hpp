// SPDX-License-Identifier: GPL-2.0-or-later
// Which objects a command line means: conditions on fields, and the selectors vm=, host= and sr=.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "xapi/cli/run.hpp"
#include "xapi/cli/tables.hpp"
#include "xapi/cli/world.hpp"

namespace xcp::cli {

// field=value, set:contains=value or map:key=value. Values are compared with the text xe shows; one
// with * or ? also as a pattern.
struct Condition {
  enum class Part { Whole, Member, Key };
  const FieldRow* field = nullptr;
  Part part = Part::Whole;
  std::string key;
  std::string value;
};

// The condition that a word stands for; CLI_ERROR for a field the class has not.
Condition parse_condition(const ClassRow& row, std::string_view name, std::string_view value);

bool fits(World& world, const Object& object, const Condition& condition);
bool fits(World& world, const Object& object, const std::vector<Condition>& conditions);

// The objects that conditions have to be tried on: all of the class, or just the one whose uuid is
// asked for.
std::vector<Object> candidates(World& world, std::uint16_t class_index,
                               const std::vector<Condition>& conditions);

// The objects the selectors of a command find; at least one, and several only with multiple=true
// and a row that allows it. CLI_ERROR otherwise.
std::vector<Object> select_objects(const Words& words, const CommandRow& row, World& world);

}  // namespace xcp::cli
