// SPDX-License-Identifier: GPL-2.0-or-later
// What a command prints, in the form the user asked for: at once in normal mode, everything as one
// line of values at the end in minimal mode.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcp::cli {

class Terminal;

using Record = std::vector<std::pair<std::string, std::string>>;  // label, value

// The lines of one record, labels aligned; ends with a newline.
std::string format_record(const Record& record);

// Items joined by commas; a comma or backslash inside one is preceded by a backslash.
std::string format_minimal(const std::vector<std::string>& items);

class Printer {
 public:
  Printer(Terminal& terminal, bool minimal) : terminal_(terminal), minimal_(minimal) {}

  bool minimal() const { return minimal_; }

  void table(const std::vector<Record>& records);
  void list(const std::vector<std::string>& items);
  void message(std::string_view text);  // dropped in minimal mode

  // Minimal mode: prints what has come together.
  void finish();

 private:
  void keep(const std::vector<std::string>& items);

  Terminal& terminal_;
  bool minimal_;
  std::vector<std::string> kept_;  // one text a table or list
};

}  // namespace xcp::cli
