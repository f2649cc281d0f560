// SPDX-License-Identifier: GPL-2.0-or-later
// Looking up, explaining and reading subcommands; see commands.hpp.
#include <fmt/format.h>
#include <getopt.h>

#include <string_view>

#include "xl/commands.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl {

namespace {

std::string spelling(const Option& option) {
  std::string text;
  if (option.letter != 0) text = fmt::format("-{}", option.letter);
  if (option.name) text += fmt::format("{}--{}", text.empty() ? "" : ", ", option.name);
  if (option.value) text += fmt::format(" <{}>", option.value);
  return text;
}

// The long options as getopt wants them; val is the index of the row + 256.
std::vector<option> long_options(const Command& command) {
  std::vector<option> options = {{"help", no_argument, nullptr, 'h'}};
  for (std::size_t i = 0; i < command.options.size(); ++i)
    if (const Option& row = command.options[i]; row.name)
      options.push_back({row.name, row.value ? required_argument : no_argument, nullptr,
                         256 + static_cast<int>(i)});
  options.push_back({nullptr, 0, nullptr, 0});
  return options;
}

std::string short_options(const Command& command) {
  std::string text = ":h";
  for (const Option& row : command.options)
    if (row.letter != 0) text += fmt::format("{}{}", row.letter, row.value ? ":" : "");
  return text;
}

}  // namespace

const Command* find_command(const std::string& name) {
  const Command* only = nullptr;
  int count = 0;
  for (const Command& command : commands()) {
    if (name == command.name) return &command;
    if (!std::string_view(command.name).starts_with(name)) continue;
    only = &command;
    ++count;
  }
  return count == 1 ? only : nullptr;
}

std::string help_text() {
  std::string text = "Usage xl [-vfNtT] <subcommand> [args]\n\nxl full list of subcommands:\n\n";
  for (const Command& command : commands())
    text += fmt::format(" {:<19} {}\n", command.name, command.help);
  return text;
}

std::string help_text(const Command& command) {
  std::string text = fmt::format("Usage: xl [-vtT{}{}] {}{}{}{}\n\n{}.\n\n",
                                 command.modifies ? "f" : "", command.dry_run ? "N" : "",
                                 command.name, command.options.empty() ? "" : " [options]",
                                 *command.args ? " " : "", command.args, command.help);
  if (!command.options.empty()) {
    text += "Options:\n\n";
    for (const Option& option : command.options)
      text += fmt::format("  {:<32} {}\n", spelling(option), option.help);
    text += fmt::format("  {:<32} {}\n\n", "-h, --help", "show this help");
  }
  if (!command.run) text += fmt::format("Not available: {}.\n\n", command.lacks);
  return text;
}

Call read_call(const Command& command, std::vector<std::string> words, bool& help) {
  words.insert(words.begin(), "xl");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string letters = short_options(command);
  const std::vector<option> names = long_options(command);
  const int argc = static_cast<int>(words.size());

  Call call;
  call.command = &command;
  help = false;
  optind = 0;  // getopt starts anew
  opterr = 0;
  for (;;) {
    const int found = getopt_long(argc, argv.data(), letters.c_str(), names.data(), nullptr);
    if (found == -1) break;
    if (found == 'h') {
      help = true;
      return call;
    }
    if (found == '?' || found == ':') {
      const std::string word = argv[optind - 1];
      const std::string option = optopt > 0 && optopt < 256 ? std::string(1, char(optopt)) : word;
      throw refusal(found == ':' ? fmt::format("option `{}' needs a value.", option)
                                 : fmt::format("option `{}' not supported.", option),
                    2);
    }
    for (std::size_t i = 0; i < command.options.size(); ++i) {
      const Option& row = command.options[i];
      if (found != row.letter && found != 256 + static_cast<int>(i)) continue;
      const std::string key = row.letter != 0 ? std::string(1, row.letter) : row.name;
      const std::string value = optarg ? optarg : "";
      const auto before = row.again ? call.options.find(key) : call.options.end();
      call.options[key] = before == call.options.end() ? value : before->second + "\n" + value;
      break;
    }
  }
  for (int i = optind; i < argc; ++i) call.args.push_back(argv[i]);
  if (static_cast<int>(call.args.size()) < command.least_args)
    throw refusal(
        fmt::format("'xl {}' requires at least {} argument{}.\n\n{}", command.name,
                    command.least_args, command.least_args > 1 ? "s" : "", help_text(command)),
        2);
  return call;
}

}  // namespace xcp::xl
