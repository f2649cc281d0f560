// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of xl.cfg: settings `name = value` and `name += value`, ended by a newline or `;`;
// a value is a string in either quotes, a number, or a list of values, which may go over lines.
// Comments go from # to the end of the line. Pure; never reads a file.
//
// What may be asked of the result: a name that is set again has its last value; += has been carried
// out. Every value knows where it stood.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace xcp::xl::cfg {

struct Position {
  int line = 0;  // from 1
  int column = 0;
};

struct Value {
  enum class Kind { text, number, list };
  Kind kind = Kind::text;
  std::string text;          // of a number: as it was written
  std::vector<Value> items;  // of a list
  Position at;

  bool is_list() const { return kind == Kind::list; }
};

struct Setting {
  std::string name;
  Value value;
  bool added = false;  // the last word on it was +=
  std::string source;  // the file's name, or "command line"
  Position at;
};

// "file:line:column", for messages.
std::string where(const std::string& source, const Position& at);

class Config {
 public:
  // Reads more settings, over those already there. Throws a Failure (see failure.hpp) that says
  // file, line, column, what was found and what was expected; then nothing has changed.
  void add(const std::string& source, std::string_view text);

  const Setting* find(std::string_view name) const;
  const std::vector<Setting>& settings() const { return settings_; }

 private:
  std::vector<Setting> settings_;
};

}  // namespace xcp::xl::cfg
