// SPDX-License-Identifier: GPL-2.0-or-later
// xl: one-host command line on the hypervisor daemon, without xapi. Reads the global options, finds
// the subcommand, runs it, and tells a failure in one line.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "base/failure.hpp"
#include "xl/commands.hpp"
#include "xl/failure_text.hpp"
#include "xl/refusal.hpp"
#include "xl/xl.hpp"

namespace xcp::xl {
namespace {

std::string variable(const char* name, std::string otherwise) {
  const char* value = std::getenv(name);
  return value ? value : std::move(otherwise);
}

// The global options; the rest of the words, from the subcommand on.
std::vector<std::string> take_global_options(Settings& settings, std::vector<std::string> words) {
  std::size_t used = 0;
  for (; used < words.size(); ++used) {
    const std::string& word = words[used];
    if (word.size() < 2 || word[0] != '-') break;
    if (word == "--help" || word == "-h") {
      words[used] = "help";
      break;
    }
    for (const char letter : word.substr(1)) {
      if (letter == 'v')
        ++settings.verbose;
      else if (letter == 'f')
        settings.force = true;
      else if (letter == 'N')
        settings.dry_run = true;
      else if (letter != 't' && letter != 'T')  // progress and stamps: there is nothing to show
        throw refusal("unknown global option");
    }
  }
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(used));
  return words;
}

int help(const std::vector<std::string>& args) {
  if (args.empty()) {
    fmt::print("{}", help_text());
    return 0;
  }
  const Command* command = find_command(args[0]);
  if (!command) {
    fmt::print("command \"{}\" not implemented\n", args[0]);
    return 0;
  }
  fmt::print("{}", help_text(*command));
  return 0;
}

int run(std::vector<std::string> words) {
  Settings settings;
  settings.socket = variable("XL_SOCKET", settings.socket);
  settings.state_dir = variable("XL_STATE_DIR", settings.state_dir);
  settings.conf = variable("XL_CONF", settings.conf);
  words = take_global_options(settings, std::move(words));
  if (words.empty()) {
    fmt::print("{}", help_text());
    return 1;
  }
  const std::string name = words[0];
  words.erase(words.begin());
  const Command* command = find_command(name);
  if (name == "help" && (!command || std::string(command->name) != "help")) return help(words);
  if (!command) throw refusal("command not implemented");
  if (settings.dry_run && !command->dry_run)
    throw refusal("command does not implement -N (dryrun) option");
  bool help_wanted = false;
  const Call call = read_call(*command, std::move(words), help_wanted);
  if (help_wanted) {
    fmt::print("{}", help_text(*command));
    return 0;
  }
  if (!command->run)
    throw refusal(fmt::format("xl {}: not available: {}.", command->name, command->lacks));
  Xl xl(std::move(settings));
  try {
    return command->run(xl, call);
  } catch (const Failure& failure) {
    if (!is_lack_of_xen(failure)) throw;
    throw refusal(fmt::format("xl {}: not available: this host does not run Xen.", command->name));
  }
}

}  // namespace
}  // namespace xcp::xl

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const int status = xcp::xl::run(std::vector<std::string>(argv + 1, argv + argc));
    return std::fflush(stdout) == 0 ? status : 1;
  } catch (const xcp::Failure& failure) {
    std::fflush(stdout);
    fmt::print(stderr, "{}\n", xcp::xl::text_of(failure));
    return xcp::xl::status_of(failure);
  }
}
