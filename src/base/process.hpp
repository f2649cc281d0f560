// SPDX-License-Identifier: GPL-2.0-or-later
// External programs as data: what to run and how long it may take, one runner for all.
// The program is executed directly (no shell) with an empty standard input unless given, a clean
// environment (PATH, LANG=C.UTF-8) and its own process group, which dies with it.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace xcp {

struct Command {
  std::vector<std::string> argv;
  std::string input;
  std::chrono::milliseconds timeout{std::chrono::minutes(5)};
  // Called with each line of standard output while the program runs (progress); may be empty.
  // Throwing from it kills the program and passes the exception on.
  std::function<void(const std::string&)> on_line;
  // Asked about ten times a second while the program runs; true kills it and throws TASK_CANCELLED
  // [] (the caller names the task). May throw, which kills the program as well; may be empty.
  std::function<bool()> cancelled;
};

struct Outcome {
  int exit_status = 0;  // 128 + n when signal n ended it
  std::string output;   // standard output, at most 8 MiB kept
  std::string errors;   // standard error, the last 64 KiB
};

// Runs to the end. Throws INTERNAL_ERROR when the program cannot be started or its time is up
// (it is killed then), never for a non-zero exit.
Outcome run(const Command& command);

// Runs and throws INTERNAL_ERROR ["<program>: <last line of its stderr>"] for a non-zero exit.
std::string run_checked(const Command& command);

}  // namespace xcp
