// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a command line as a command and its parameters. Pure. Mistakes throw the Failures of
// errors.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcp::cli {

class Words {
 public:
  // The first word is the command; "--x" is x=true, "-u v" a known switch, "k=v" a parameter, any
  // other word a parameter with an empty value. Of equal names the first counts.
  explicit Words(const std::vector<std::string>& words);

  const std::string& command() const { return command_; }
  const std::vector<std::pair<std::string, std::string>>& params() const { return params_; }
  // Words after the command that are no parameters: the arguments of help.
  const std::vector<std::string>& bare() const { return bare_; }

  std::optional<std::string> get(std::string_view name) const;
  std::string get_or(std::string_view name, std::string_view otherwise) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  // A parameter that must be there; CLI_MISSING_PARAMETER otherwise.
  std::string need(std::string_view name) const;
  // False when absent; CLI_ERROR when it is neither true nor false.
  bool flag(std::string_view name) const;

  // "name:key=value" words, and the old spelling "name-key=value", as pairs of key and value.
  std::vector<std::pair<std::string, std::string>> map(std::string_view name) const;

 private:
  std::string command_;
  std::vector<std::pair<std::string, std::string>> params_;
  std::vector<std::string> bare_;
};

std::optional<bool> parse_bool(std::string_view text);

// Separated by commas; no item for an empty text.
std::vector<std::string> split_commas(std::string_view text);

// What may stand on every command line.
bool is_common_param(std::string_view name);

// "*" stands for any text, "?" for one character.
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace xcp::cli
