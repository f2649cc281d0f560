// SPDX-License-Identifier: GPL-2.0-or-later
// Failures as texts for the user; see errors.hpp.
#include "xapi/cli/errors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "datamodel/model.hpp"
#include "xapi/cli/api.hpp"
#include "xapi/cli/world.hpp"

namespace xcp::cli {
namespace {

constexpr std::string_view hint = "For usage run: 'xe help'";

const model::ErrorDesc* find_error(std::string_view code) {
  for (const auto& desc : model::errors()) {
    if (desc.code == code) return &desc;
  }
  return nullptr;
}

std::string first_param(const Failure& failure) {
  return failure.params().empty() ? "" : failure.params().front();
}

// References of existing objects become their uuid and name.
std::string readable(const std::string& value, World* world) {
  if (!world || !value.starts_with("OpaqueRef:")) return value;
  try {
    const auto class_index = world->api().class_of(value);
    const auto object = class_index ? world->find(*class_index, value) : std::nullopt;
    if (!object) return value;
    const std::string name = object->name();
    return name.empty() ? object->uuid() : fmt::format("{} ({})", object->uuid(), name);
  } catch (const Failure&) {
    return value;
  }
}

std::string param_lines(const Failure& failure, const model::ErrorDesc& desc, World* world) {
  std::string text;
  const auto& values = failure.params();
  const std::size_t count =
      desc.open_params ? values.size() : std::max(values.size(), desc.params.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = i < desc.params.size() ? std::string(desc.params[i]) : "<extra>";
    const std::string value = i < values.size() ? readable(values[i], world) : "<unknown>";
    text += fmt::format("{}: {}\n", name, value);
  }
  return text;
}

// The texts of failures that arose in the command line itself; empty for all others.
std::string own_text(const Failure& failure) {
  const std::string& code = failure.code();
  const std::string param = first_param(failure);
  if (code == unknown_command) return fmt::format("Unknown command: {}\n{}\n", param, hint);
  if (code == syntax_error) return fmt::format("Syntax error: {}\n{}\n", param, hint);
  if (code == missing_parameter) {
    return fmt::format("Required parameter not found: {}\n{}\n", param, hint);
  }
  if (code == command_error) return fmt::format("Error: {}\n", param);
  if (code == "SESSION_AUTHENTICATION_FAILED" && param.empty()) {
    return fmt::format("You need to give a user name and a password.\n{}\n", hint);
  }
  if (code == "SESSION_AUTHENTICATION_FAILED") {
    return fmt::format("Authentication failed.\n{}\n", hint);
  }
  return "";
}

}  // namespace

Failure cli_error(std::string sentence, std::source_location where) {
  return Failure(command_error, {std::move(sentence)}, where);
}

std::string summary(const Failure& failure, World* world) {
  if (failure.code() == command_error) return first_param(failure);
  std::vector<std::string> values;
  for (const auto& value : failure.params()) values.push_back(readable(value, world));
  const model::ErrorDesc* desc = find_error(failure.code());
  const std::string text = desc ? std::string(desc->doc) : failure.code();
  if (values.empty()) return text;
  return fmt::format("{} ({})", text, fmt::join(values, ", "));
}

void report(const Failure& failure, Terminal& terminal, World* world) {
  if (failure.code() == already_reported || failure.code() == connection_lost) return;
  const std::string own = own_text(failure);
  if (!own.empty()) return terminal.print_stderr(own);
  const model::ErrorDesc* desc = find_error(failure.code());
  if (!desc) return terminal.error(failure.code(), failure.params());
  terminal.print_stderr(fmt::format("{}\n{}", desc->doc, param_lines(failure, *desc, world)));
}

}  // namespace xcp::cli
