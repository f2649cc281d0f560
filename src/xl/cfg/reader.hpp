// SPDX-License-Identifier: GPL-2.0-or-later
// Takes values out of a Config by name, in the type that is wanted. What has the wrong type is
// reported as a warning and counts as not set, as in every xl; what has the right type and a wrong
// value throws a refusal. A warning is one line without a newline.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xl/cfg/syntax.hpp"

namespace xcp::xl::cfg {

using Warnings = std::vector<std::string>;

// A number as strtol(..., 0) reads it: decimal, 0 octal, 0x hexadecimal. nullopt when that is not
// all of the text, and when it does not fit; then `too_large` becomes true.
std::optional<std::int64_t> number_of(const std::string& text, bool* too_large = nullptr);

class Reader {
 public:
  Reader(const Config& config, Warnings& warnings) : config_(config), warnings_(warnings) {}

  bool has(const char* name) const { return config_.find(name) != nullptr; }
  std::optional<std::string> text(const char* name);
  std::optional<std::int64_t> number(const char* name);
  std::optional<bool> flag(const char* name);  // a number, other than 0 or not

  // A list, whole; nullptr when it is none. `silent`: a single value is no cause for a warning.
  const std::vector<Value>* list(const char* name, bool silent = false);
  std::vector<std::string> texts(const char* name, bool silent = false);

  // One of `words`, by its name; refused with `status` otherwise.
  std::optional<std::string> word(const char* name, std::span<const char* const> words,
                                  int status = 1);
  // The same, or its position in `words`, which is deprecated.
  std::optional<std::string> word_or_position(const char* name, std::span<const char* const> words,
                                              bool deprecated);

  void warn(std::string text) { warnings_.push_back(std::move(text)); }
  // "file:line:column" of a setting; its name when it is not there.
  std::string at(const char* name) const;

 private:
  const Setting* single(const char* name);

  const Config& config_;
  Warnings& warnings_;
};

}  // namespace xcp::xl::cfg
