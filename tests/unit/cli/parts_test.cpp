// SPDX-License-Identifier: GPL-2.0-or-later
// The pure parts of the command line: words, formats, sizes, patterns, and that every row of the
// tables can be found and explained.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake.hpp"
#include "xapi/cli/errors.hpp"
#include "xapi/cli/generic.hpp"
#include "xapi/cli/printer.hpp"
#include "xapi/cli/run.hpp"
#include "xapi/cli/server.hpp"
#include "xapi/cli/transfers.hpp"
#include "xapi/cli/words.hpp"

namespace xcp::cli::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string code_of(const std::vector<std::string>& words) {
  try {
    Words parsed(words);
    return "";
  } catch (const Failure& failure) {
    return failure.code();
  }
}

TEST(CliWords, Forms) {
  const Words words({"cmd", "--force", "-u", "me", "a=b=c", "bare", "a=later", "x="});
  EXPECT_EQ(words.command(), "cmd");
  EXPECT_TRUE(words.flag("force"));
  EXPECT_EQ(words.get("username"), "me");
  EXPECT_EQ(words.get("a"), "b=c");
  EXPECT_EQ(words.get("bare"), "");
  EXPECT_EQ(words.get("x"), "");
  EXPECT_FALSE(words.has("y"));
  EXPECT_THAT(words.bare(), ElementsAre("bare"));
}

TEST(CliWords, Mistakes) {
  EXPECT_EQ(code_of({}), syntax_error);
  EXPECT_EQ(code_of({"a=b"}), syntax_error);
  EXPECT_EQ(code_of({"cmd", "-z", "1"}), syntax_error);
  EXPECT_EQ(code_of({"cmd", "-u"}), syntax_error);
  EXPECT_THROW(Words({"cmd", "f=maybe"}).flag("f"), Failure);
  EXPECT_THROW(Words({"cmd"}).need("f"), Failure);
}

TEST(CliWords, Booleans) {
  for (const char* yes : {"true", "T", "Yes", "y", "1"}) EXPECT_EQ(parse_bool(yes), true) << yes;
  for (const char* no : {"false", "f", "NO", "n", "0"}) EXPECT_EQ(parse_bool(no), false) << no;
  for (const char* bad : {"", "tru", "2", "ja"}) EXPECT_EQ(parse_bool(bad), std::nullopt) << bad;
}

TEST(CliWords, Maps) {
  const Words words({"c", "m:a=1", "m-b=2", "m:c:d=3", "m:a=later", "m:=x", "mm:a=1", "m=whole"});
  EXPECT_THAT(words.map("m"), ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c:d", "3")));
}

TEST(CliWords, Commas) {
  EXPECT_THAT(split_commas("a,b,,c"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split_commas(""), IsEmpty());
}

TEST(CliWords, Patterns) {
  EXPECT_TRUE(matches_pattern("web server", "web*"));
  EXPECT_TRUE(matches_pattern("web", "???"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("aXbXc", "a*b*c"));
  EXPECT_TRUE(matches_pattern("abcbc", "*bc"));
  EXPECT_FALSE(matches_pattern("web", "??"));
  EXPECT_FALSE(matches_pattern("web", "*x*"));
}

TEST(CliFormats, RecordsAreAligned) {
  EXPECT_EQ(format_record({{"uuid ( RO)", "u"}, {"name-label ( RW)", "n"}, {"x", ""}}),
            "uuid ( RO)          : u\n"
            "    name-label ( RW): n\n"
            "                   x: \n");
}

TEST(CliFormats, MinimalEscapes) {
  EXPECT_EQ(format_minimal({"a", "b,c", "d\\e", ""}), "a,b\\,c,d\\\\e,");
  EXPECT_EQ(format_minimal({}), "");
}

TEST(CliFormats, LatestTableComesFirstInMinimalMode) {
  FakeTerminal terminal;
  Printer printer(terminal, true);
  printer.table({{{"uuid", "1"}, {"name", "x"}}, {{"uuid", "2"}}});
  printer.message("dropped");
  printer.list({"3", "4"});
  printer.table({});
  EXPECT_EQ(terminal.shown, "");
  printer.finish();
  EXPECT_EQ(terminal.shown, "out: 3,4,1,2\n");
}

TEST(CliArguments, Sizes) {
  EXPECT_EQ(parse_size("12"), 12);
  EXPECT_EQ(parse_size("-1"), -1);
  EXPECT_EQ(parse_size("2KiB"), 2048);
  EXPECT_EQ(parse_size("3 mib"), 3 << 20);
  EXPECT_EQ(parse_size("1TiB"), std::int64_t{1} << 40);
  EXPECT_EQ(parse_size("0x10"), 16);
  for (const char* bad :
       {"", "x", "1.5GiB", "1GB", "9999999999999999999", "9000000TiB9", "8388608TiB"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
}

TEST(CliTransfers, QueriesAreEncoded) {
  EXPECT_EQ(make_target("/export", {{"uuid", "a b"}, {"session_id", "OpaqueRef:1"}, {"x", "&="}}),
            "/export?uuid=a%20b&session_id=OpaqueRef%3a1&x=%26%3d");
  EXPECT_EQ(make_target("/x", {}), "/x");
}

TEST(CliServer, WordsOfBody) {
  EXPECT_THAT(words_of_body("a\r\nb=c d\n\ne"), ElementsAre("a", "b=c d", "e"));
  EXPECT_THAT(words_of_body(""), IsEmpty());
}

TEST(CliTables, EveryCommandIsFoundAndExplained) {
  for (const CommandRow& row : command_rows()) {
    EXPECT_EQ(find_command_row(row.name), &row);
    EXPECT_FALSE(find_generic(row.name)) << row.name << " hides a generated command";
    EXPECT_TRUE(row.doc.ends_with('.')) << row.name;
    EXPECT_EQ(row.function == nullptr, row.call != nullptr || !row.when.empty()) << row.name;
  }
  EXPECT_EQ(find_command_row("vm-list"), nullptr);
  for (const auto& name : generic_names()) {
    ASSERT_TRUE(find_generic(name)) << name;
    EXPECT_FALSE(generic_doc(*find_generic(name)).empty());
  }
}

TEST(CliTables, GenericNames) {
  EXPECT_EQ(find_generic("vm-param-list")->verb, Verb::ParamList);
  EXPECT_EQ(find_generic("host-cpu-list")->row->name, "host-cpu");
  EXPECT_FALSE(find_generic("vlan-param-set")) << "nothing of a VLAN can be set";
  EXPECT_FALSE(find_generic("nosuch-list"));
  EXPECT_FALSE(find_generic("list"));
}

// Every field of every class, and every command of every class, on objects with nothing but
// defaults: whatever is absent must show as a text, not as a failure.
TEST(CliTables, EveryFieldOfEveryClassCanBeShown) {
  FakeHost host;
  furnish(host);
  FakeDoor door(host);
  for (const ClassRow& row : class_rows()) {
    const auto& desc = model::classes()[row.class_index];
    for (const auto& message : {"get_all_records", "get_by_uuid", "get_record"}) {
      EXPECT_TRUE(model::find_message(std::string(desc.name) + "." + message)) << row.name;
    }
    FakeTerminal terminal;
    const std::string list = std::string(row.name) + "-list";
    EXPECT_EQ(run_command_line({list, "params=all", "--all", "username=root"}, door, terminal), 0)
        << terminal.shown;
  }
}

}  // namespace
}  // namespace xcp::cli::testing
