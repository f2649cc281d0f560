// SPDX-License-Identifier: GPL-2.0-or-later
// Finding rows by name.
#include <algorithm>

#include "xapi/cli/tables.hpp"

namespace xcp::cli {

const ClassRow* find_class_row(std::string_view name) {
  for (const ClassRow& row : class_rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const CommandRow* find_command_row(std::string_view name) {
  const auto rows = command_rows();
  const auto found = std::lower_bound(
      rows.begin(), rows.end(), name,
      [](const CommandRow& row, std::string_view wanted) { return row.name < wanted; });
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

const FieldRow* find_field_row(const ClassRow& row, std::string_view name) {
  for (const FieldRow& field : row.fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace xcp::cli
