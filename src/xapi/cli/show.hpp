// SPDX-License-Identifier: GPL-2.0-or-later
// Values as people and scripts read them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xapi/cli/tables.hpp"
#include "xapi/cli/world.hpp"

namespace xcp::cli {

inline constexpr std::string_view not_in_database = "<not in database>";
inline constexpr std::string_view expensive_field = "<expensive field>";
inline constexpr std::string_view invalid_reference = "<invalid reference>";
inline constexpr std::string_view unknown_time = "<unknown time>";
inline constexpr std::string_view inconsistent = "<inconsistent>";

// A value of a field: its text, and for sets and maps the parts the text is made of.
struct Shown {
  std::string text;
  std::vector<std::string> members;
  std::vector<std::pair<std::string, std::string>> entries;
};

Shown shown_text(std::string text);
Shown shown_set(std::vector<std::string> members, std::string_view separator = "; ");
Shown shown_map(std::vector<std::pair<std::string, std::string>> entries,
                std::string_view separator = "; ");

// One value that is neither a set nor a map: references as uuid, dates and numbers in their fixed
// forms.
std::string text_of(World& world, const model::Value& value, const model::Type& type);

// Any value. A map shown as a set gives its values.
Shown shown(World& world, const model::Value& value, const model::Type& type,
            Access access = Access::RO, std::string_view separator = "; ");

// The value of a field of an object. Failures of the API become texts where a list would otherwise
// fail as a whole.
Shown show_field(World& world, const Object& object, const FieldRow& row);

// "name-label ( RW)" and the like.
std::string field_label(const FieldRow& row);

}  // namespace xcp::cli
