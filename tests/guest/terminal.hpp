// SPDX-License-Identifier: GPL-2.0-or-later
// A person at a serial console, for tests: waits for texts, types commands into the test guest's
// shell and reads what they print. Every wait has a deadline and throws with what was seen so far.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.hpp"

namespace xcp::test {

class Terminal {
 public:
  explicit Terminal(UniqueFd console) : console_(std::move(console)) {}

  // What came up to and with `text`, from where the last wait ended.
  std::string wait_for(const std::string& text,
                       std::chrono::seconds timeout = std::chrono::seconds(180));

  // The command's output and "status N".
  std::string run(const std::string& command,
                  std::chrono::seconds timeout = std::chrono::seconds(60));

  // Runs the command again and again until its output contains `text`.
  void run_until(const std::string& command, const std::string& text,
                 std::chrono::seconds timeout = std::chrono::seconds(60));

  void type(const std::string& text) { write_all(console_.get(), text); }

 private:
  UniqueFd console_;
  std::string seen_;
};

}  // namespace xcp::test
