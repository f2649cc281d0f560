// SPDX-License-Identifier: GPL-2.0-or-later
// Every subcommand of xl as data: its options and arguments, what `help` says, and the function
// that does it. A subcommand without a function says why it is not available and ends with 1.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace xcp::xl {

class Xl;

struct Option {
  char letter;        // 0: none
  const char* name;   // long spelling; nullptr: none
  const char* value;  // what it takes; nullptr: nothing
  const char* help;
  bool again = false;  // may be given more than once
};

struct Command;

// A command line that has been read.
struct Call {
  const Command* command = nullptr;
  std::vector<std::string> args;
  std::map<std::string, std::string> options;  // by letter, or by name where there is no letter

  // An option that may be given again has its values one a line.
  bool has(const std::string& option) const { return options.count(option) != 0; }
  // The option's value; empty when it was not given.
  std::string value(const std::string& option) const {
    const auto found = options.find(option);
    return found == options.end() ? std::string() : found->second;
  }
};

struct Command {
  const char* name;
  const char* help;
  const char* args;
  std::span<const Option> options;  // besides -h, --help
  int least_args;
  bool dry_run;                          // knows xl -N
  bool modifies;                         // changes something
  int (*run)(Xl& xl, const Call& call);  // the status to end with; nullptr: not available
  const char* lacks;                     // why not
};

std::span<const Command> commands();

// The subcommand of that name, or the only one that begins so; nullptr when there is none or more.
const Command* find_command(const std::string& name);

// What `xl help` and `xl help NAME` print.
std::string help_text();
std::string help_text(const Command& command);

// Reads what follows the subcommand. Throws a refusal with status 2. `help` becomes true when -h
// was given; then nothing else counts.
Call read_call(const Command& command, std::vector<std::string> words, bool& help);

}  // namespace xcp::xl
