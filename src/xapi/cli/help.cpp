// SPDX-License-Identifier: GPL-2.0-or-later
// Help from the tables; see help.hpp.
#include "xapi/cli/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "xapi/cli/errors.hpp"
#include "xapi/cli/generic.hpp"
#include "xapi/cli/tables.hpp"

namespace xcp::cli {
namespace {

constexpr std::size_t line_width = 78;

std::string_view selector_text(Select select) {
  switch (select) {
    case Select::Vm:
      return "<vm-selectors>";
    case Select::Host:
      return "<host-selectors>";
    case Select::Sr:
      return "<sr-selectors>";
    case Select::None:
      break;
  }
  return "";
}

Params params_of(const CommandRow& row) {
  Params params{{row.reqd.begin(), row.reqd.end()}, {row.optn.begin(), row.optn.end()}};
  if (row.select != Select::None) params.optn.emplace_back(selector_text(row.select));
  return params;
}

std::string doc_of(const CommandRow& row) {
  std::string doc(row.doc);
  if (!row.deprecated.empty()) {
    doc += fmt::format(" Deprecated: {}.", fmt::join(row.deprecated, ", "));
  }
  return doc;
}

Record help_record(const std::string& name, const Params& params, const std::string& doc) {
  return {{"command name", name},
          {"reqd params", fmt::format("{}", fmt::join(params.reqd, ", "))},
          {"optional params", fmt::format("{}", fmt::join(params.optn, ", "))},
          {"description", doc}};
}

Record help_on(const std::string& name) {
  if (const CommandRow* row = find_command_row(name)) {
    return help_record(name, params_of(*row), doc_of(*row));
  }
  if (const auto generic = find_generic(name)) {
    return help_record(name, generic_params(*generic), generic_doc(*generic));
  }
  if (name == "help") {
    return help_record(name, {{}, {"<command>", "all", "minimal"}},
                       "Show the commands, or what the named ones do.");
  }
  throw Failure(unknown_command, {name});
}

std::vector<std::string> command_names(bool all) {
  std::vector<std::string> names = {"help"};
  for (const CommandRow& row : command_rows()) {
    if (!row.hidden && (all || row.standard)) names.emplace_back(row.name);
  }
  for (const auto& name : generic_names()) {
    if (all || is_standard(*find_generic(name))) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string wrapped(const std::vector<std::string>& names) {
  std::string text, line;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string item = names[i] + (i + 1 < names.size() ? "," : "");
    if (!line.empty() && line.size() + 1 + item.size() > line_width) {
      text += line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + item;
  }
  return text + line;
}

}  // namespace

void run_help(const Words& words, Printer& printer) {
  if (!words.bare().empty()) {
    std::vector<Record> records;
    for (const auto& name : words.bare()) records.push_back(help_on(name));
    return printer.table(records);
  }
  const bool all = words.flag("all");
  const auto names = command_names(all);
  if (printer.minimal()) return printer.list(names);
  printer.message(
      "Usage: xe <command> [-s <server>] [-u <user>] [-pw <password>] [<parameter>=<value>...]\n");
  printer.message(all ? "Commands:" : "Usual commands:");
  printer.message(wrapped(names) + "\n");
  if (!all) printer.message("\"xe help --all\" lists all commands.");
  printer.message("\"xe help <command>\" tells what a command does.");
}

}  // namespace xcp::cli
