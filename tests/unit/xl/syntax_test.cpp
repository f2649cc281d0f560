// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of xl.cfg, and where its errors say they are.
#include "xl/cfg/syntax.hpp"

#include "refused.hpp"

namespace xcp::xl::cfg {
namespace {

Config read(const std::string& text) {
  Config config;
  config.add("f", text);
  return config;
}

std::string text_of(const std::string& value) {
  return read("k = " + value).find("k")->value.text;
}

std::string error_of(const std::string& text) {
  return refused([&] { read(text); });
}

TEST(Syntax, SettingsEndWithNewlineSemicolonOrFile) {
  const Config config = read("a=1;b = 'x' ; ; c=\"y\"\n\n# comment\nd=0x1F # end\r\ne.f=2");
  ASSERT_EQ(config.settings().size(), 5u);
  EXPECT_EQ(config.find("a")->value.kind, Value::Kind::number);
  EXPECT_EQ(config.find("b")->value.text, "x");
  EXPECT_EQ(config.find("c")->value.kind, Value::Kind::text);
  EXPECT_EQ(config.find("d")->value.text, "0x1F");
  EXPECT_EQ(config.find("e.f")->value.text, "2");
  EXPECT_EQ(config.find("d")->at.line, 4);
  EXPECT_EQ(config.find("g"), nullptr);
  EXPECT_TRUE(read("").settings().empty());
}

TEST(Syntax, Escapes) {
  EXPECT_EQ(text_of(R"("a\tb\n\\\"\'\x41\101\?")"), "a\tb\n\\\"'AA?");
  EXPECT_EQ(text_of(R"('say "x"')"), "say \"x\"");
  EXPECT_EQ(text_of(R"("it's; # no comment")"), "it's; # no comment");
  EXPECT_EQ(text_of("\"ä€\""), "ä€");
  EXPECT_EQ(text_of(R"("\1234")"), "S4");
  EXPECT_NE(error_of(R"(k="\q")").find("f:1:4: unknown escape"), std::string::npos);
  EXPECT_NE(error_of(R"(k="\xg")").find("f:1:4: expected two hexadecimal"), std::string::npos);
  EXPECT_NE(error_of(R"(k="\0")").find("f:1:4:"), std::string::npos);
  EXPECT_NE(error_of(R"(k="\400")").find("f:1:4:"), std::string::npos);
}

TEST(Syntax, Lists) {
  const Config config = read("k = [\n 'a', # one\n\n [1, 'b'], [],\n]\nl=[]");
  const Value& value = config.find("k")->value;
  ASSERT_TRUE(value.is_list());
  ASSERT_EQ(value.items.size(), 3u);
  EXPECT_EQ(value.items[0].text, "a");
  EXPECT_EQ(value.items[0].at.line, 2);
  EXPECT_EQ(value.items[0].at.column, 2);
  ASSERT_EQ(value.items[1].items.size(), 2u);
  EXPECT_EQ(value.items[1].items[0].kind, Value::Kind::number);
  EXPECT_TRUE(value.items[2].is_list());
  EXPECT_TRUE(config.find("l")->value.items.empty());
}

TEST(Syntax, TheLastValueCountsAndPlusAdds) {
  const Config config = read("a='x'\na='y'\nb='x'\nb+='y'\nb+=5\nc=['1']\nc+=['2','3']\nd+='new'");
  EXPECT_EQ(config.find("a")->value.text, "y");
  EXPECT_FALSE(config.find("a")->added);
  EXPECT_EQ(config.find("b")->value.text, "xy5");
  EXPECT_TRUE(config.find("b")->added);
  EXPECT_EQ(config.find("c")->value.items.size(), 3u);
  EXPECT_EQ(config.find("d")->value.text, "new");
  EXPECT_NE(error_of("a='x'\na+=['y']").find("f:2:4: `a' is a single value so far"),
            std::string::npos);
  EXPECT_NE(error_of("a=['x']\na+='y'").find("`a' is a list so far"), std::string::npos);
}

TEST(Syntax, SettingsOfTheCommandLineComeAfterTheFile) {
  Config config = read("memory=64\n");
  config.add("command line", "memory=128");
  EXPECT_EQ(config.find("memory")->value.text, "128");
  EXPECT_EQ(config.find("memory")->source, "command line");
}

TEST(Syntax, AnErrorChangesNothing) {
  Config config = read("a=1");
  EXPECT_THROW(config.add("g", "b=2\nc="), Failure);
  EXPECT_EQ(config.settings().size(), 1u);
}

TEST(Syntax, ErrorsSayWhereAndWhatWasExpected) {
  EXPECT_EQ(error_of("a=1\n  b 2"), "f:2:5: expected `=' or `+=', found `2'");
  EXPECT_EQ(error_of("a=\n1"),
            "f:1:3: expected a string in quotes, a number or `[', found the end of the line");
  EXPECT_EQ(error_of("a=b"), "f:1:3: expected a string in quotes, a number or `[', found `b'");
  EXPECT_EQ(error_of("a=1 b=2"), "f:1:5: expected the end of the line or `;', found `b'");
  EXPECT_EQ(error_of("1a=2"), "f:1:1: expected the name of a setting, found `1a'");
  EXPECT_EQ(error_of("a=['x' 'y']"), "f:1:8: expected `,' or `]', found the string \"y\"");
  EXPECT_EQ(error_of("a=['x'"), "f:1:7: expected `,' or `]', found the end of the file");
  EXPECT_EQ(error_of("a=[,]"), "f:1:4: expected a string in quotes, a number or `[', found `,'");
  EXPECT_EQ(error_of("a=['x',,]"),
            "f:1:8: expected a string in quotes, a number or `[', found `,'");
  EXPECT_EQ(error_of("a='x\nb=1"), "f:1:3: this string does not end on its line; expected '");
  EXPECT_EQ(error_of("a=-5"), "f:1:3: unexpected character `-'");
  EXPECT_EQ(error_of(std::string("a=1\n\x01", 5)),
            "f:2:1: unexpected character with the code 0x01");
  EXPECT_EQ(error_of("a"), "f:1:2: expected `=' or `+=', found the end of the file");
}

TEST(Syntax, DepthIsBounded) {
  EXPECT_NE(error_of("a=" + std::string(100000, '[')).find("deep at most"), std::string::npos);
  EXPECT_NO_THROW(read("a=" + std::string(16, '[') + std::string(16, ']')));
}

}  // namespace
}  // namespace xcp::xl::cfg
