// SPDX-License-Identifier: GPL-2.0-or-later
// The table of subcommands, abbreviation, help, and the reading of command lines.
#include "xl/commands.hpp"

#include <set>

#include "refused.hpp"

namespace xcp::xl {
namespace {

Call read(const std::string& name, std::vector<std::string> words) {
  bool help = false;
  Call call = read_call(*find_command(name), std::move(words), help);
  EXPECT_FALSE(help);
  return call;
}

TEST(Commands, TableIsWhole) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_NE(*command.help, '\0') << command.name;
    // What is not available says why.
    EXPECT_EQ(command.run == nullptr, *command.lacks != '\0') << command.name;
    for (const Option& option : command.options) {
      EXPECT_NE(*option.help, '\0') << command.name << " " << option.letter;
      EXPECT_TRUE(option.letter != 0 || option.name != nullptr);
    }
    EXPECT_NE(help_text(command).find(command.help), std::string::npos);
    EXPECT_NE(help_text().find(std::string(" ") + command.name), std::string::npos);
  }
  EXPECT_EQ(names.size(), 97u);
}

TEST(Commands, UnambiguousPrefixesAreEnough) {
  EXPECT_STREQ(find_command("cre")->name, "create");
  EXPECT_STREQ(find_command("li")->name, "list");
  EXPECT_STREQ(find_command("save")->name, "save");
  EXPECT_EQ(find_command("c"), nullptr);
  EXPECT_EQ(find_command("nosuch"), nullptr);
}

TEST(Commands, OptionsMayStandAnywhere) {
  const Call call = read("create", {"f.cfg", "-p", "memory=5", "--defconfig=d", "-qc"});
  EXPECT_EQ(call.args, (std::vector<std::string>{"f.cfg", "memory=5"}));
  EXPECT_TRUE(call.has("p") && call.has("q") && call.has("c"));
  EXPECT_EQ(call.value("f"), "d");
  EXPECT_FALSE(call.has("e"));
}

TEST(Commands, LongSpellingsMeanTheLetter) {
  EXPECT_TRUE(read("list", {"--long"}).has("l"));
  EXPECT_TRUE(read("vncviewer", {"d", "--vncviewer-autopass"}).has("a"));
  EXPECT_TRUE(read("migrate", {"d", "h", "--debug"}).has("debug"));
  EXPECT_EQ(read("console", {"-t", "pv", "d"}).value("t"), "pv");
}

TEST(Commands, WrongLinesEndWithTwo) {
  EXPECT_EQ(refused([] { read("list", {"-Q"}); }, 2), "option `Q' not supported.");
  EXPECT_EQ(refused([] { read("list", {"--nosuch"}); }, 2), "option `--nosuch' not supported.");
  EXPECT_EQ(refused([] { read("console", {"d", "-t"}); }, 2), "option `t' needs a value.");
  EXPECT_TRUE(refused([] { read("domid", {}); }, 2)
                  .starts_with("'xl domid' requires at least 1 argument.\n"));
  EXPECT_TRUE(refused([] { read("rename", {"a"}); }, 2)
                  .starts_with("'xl rename' requires at least 2 arguments.\n"));
}

TEST(Commands, HelpComesBeforeEverything) {
  bool help = false;
  read_call(*find_command("rename"), {"--help"}, help);
  EXPECT_TRUE(help);
  const std::string text = help_text(*find_command("create"));
  EXPECT_TRUE(text.starts_with("Usage: xl [-vtTfN] create [options] <ConfigFile>")) << text;
  EXPECT_NE(text.find("-f, --defconfig <file>"), std::string::npos);
  EXPECT_NE(help_text(*find_command("remus")).find("Not available"), std::string::npos);
}

}  // namespace
}  // namespace xcp::xl
