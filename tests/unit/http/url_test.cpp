// SPDX-License-Identifier: GPL-2.0-or-later
// Percent decoding, targets, queries and cookies.
#include "xapi/http/url.hpp"

#include <gmock/gmock.h>

namespace xcp::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(PercentDecode, ReplacesPairsOfHexDigits) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%2f%41"), "a b/c/A");
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("%C3%A4"), "\xC3\xA4");
}

TEST(PercentDecode, LeavesPlusUnlessItIsAForm) {
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
}

TEST(PercentDecode, RefusesWhatIsNotHex) {
  for (const char* bad : {"%", "%4", "a%", "%zz", "%4g", "%-1"})
    EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(PercentEncode, IsTheReverse) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string encoded = percent_encode(all);
  EXPECT_EQ(encoded.find_first_of(" /?#&=+\n\r"), std::string::npos);
  EXPECT_EQ(percent_decode(encoded), all);
  EXPECT_EQ(percent_encode("aZ09-._~ /"), "aZ09-._~%20%2F");
}

TEST(ParseQuery, DecodesNamesAndValues) {
  EXPECT_THAT(parse_query("a=1&b%20c=%2F+x&flag&=v&&d=e=f"),
              ElementsAre(Pair("a", "1"), Pair("b c", "/ x"), Pair("flag", ""), Pair("", "v"),
                          Pair("d", "e=f")));
  EXPECT_THAT(parse_query(""), IsEmpty());
}

TEST(ParseQuery, KeepsWhatDoesNotDecode) {
  EXPECT_THAT(parse_query("a=100%&b=+%zz"), ElementsAre(Pair("a", "100%"), Pair("b", "+%zz")));
}

TEST(ParseCookies, UnderstandsBothStyles) {
  EXPECT_THAT(parse_cookies("a=b; c=d"), ElementsAre(Pair("a", "b"), Pair("c", "d")));
  EXPECT_THAT(parse_cookies("a=b&c=d"), ElementsAre(Pair("a", "b"), Pair("c", "d")));
  EXPECT_THAT(parse_cookies(" session_id=OpaqueRef:12-34 ;b;  "),
              ElementsAre(Pair("session_id", "OpaqueRef:12-34"), Pair("b", "")));
  EXPECT_THAT(parse_cookies("a=x+y%3D"), ElementsAre(Pair("a", "x+y=")));
}

TEST(ParseTarget, SplitsPathAndQuery) {
  const auto target = parse_target("/a%20b/c+d?x=1&y=%26#part");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/c+d");
  EXPECT_THAT(target->query, ElementsAre(Pair("x", "1"), Pair("y", "&")));
}

TEST(ParseTarget, DecodesBeforeAnybodyResolves) {
  EXPECT_EQ(parse_target("/%2e%2e/%2Fetc")->path, "/..//etc");
  // A question mark that was encoded belongs to the path.
  EXPECT_EQ(parse_target("/a%3Fb")->path, "/a?b");
}

TEST(ParseTarget, AcceptsAllForms) {
  EXPECT_EQ(parse_target("http://host:80/path?a")->path, "/path");
  EXPECT_EQ(parse_target("http://host")->path, "/");
  EXPECT_EQ(parse_target("http://host?a=1")->path, "/");
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("host:443")->path, "host:443");
  EXPECT_EQ(parse_target("/a?u=http://b/c")->path, "/a");
}

TEST(ParseTarget, RefusesBadPathsOnly) {
  EXPECT_FALSE(parse_target("/%zz"));
  EXPECT_FALSE(parse_target("/a%00b"));
  EXPECT_TRUE(parse_target("/a?%zz"));
}

TEST(FindHeader, IgnoresCase) {
  const Fields headers{{"Content-TYPE", "a"}, {"content-type", "b"}};
  ASSERT_NE(find_header(headers, "content-type"), nullptr);
  EXPECT_EQ(*find_header(headers, "content-type"), "a");
  EXPECT_EQ(find_header(headers, "content"), nullptr);
}

}  // namespace
}  // namespace xcp::http
