// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP heads, URLs the server hands out, the rule on files, and the text of the progress line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "xe/http.hpp"
#include "xe/permitted.hpp"
#include "xe/progress.hpp"

namespace xcp::xe {
namespace {

using testing::ElementsAre;

TEST(XeHttp, Head) {
  const auto head = parse_http_head(
      "HTTP/1.1 302 Found\r\nServer: x\r\nLOCATION:  https://h/p?q \r\ncontent-length: 12");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 302);
  EXPECT_EQ(head->reason, "Found");
  EXPECT_EQ(head->location, "https://h/p?q");
  EXPECT_EQ(head->content_length, 12u);
  EXPECT_EQ(parse_http_head("HTTP/1.0 200")->status, 200);
  EXPECT_EQ(parse_http_head("HTTP/1.0 200 OK\r\ncontent-length: 1x")->content_length, std::nullopt);
  for (const char* bad : {"", "HTTP/1.0", "HTTP/1.0 abc", "XTTP/1.0 200 OK", "HTTP/1.0 20"}) {
    EXPECT_FALSE(parse_http_head(bad)) << bad;
  }
}

TEST(XeHttp, Urls) {
  Settings settings;
  settings.server = "h";
  const Request bare = resolve_url(settings, "/export?uuid=1%20x&session_id=OpaqueRef%3a2");
  EXPECT_EQ(bare.path, "/export?uuid=1%20x&session_id=OpaqueRef%3a2");
  EXPECT_THAT(bare.targets, ElementsAre(Target{Target::Kind::Tls, "h", 443}));

  const Request absolute = resolve_url(settings, "https://m/import?session_id=OpaqueRef%3a2");
  EXPECT_EQ(absolute.path, "/import?session_id=OpaqueRef:2");
  EXPECT_THAT(absolute.targets, ElementsAre(Target{Target::Kind::Tls, "m", 443}));
  EXPECT_EQ(resolve_url(settings, "https://m").path, "/");
  // What would end the request line or change the query stays encoded.
  EXPECT_EQ(resolve_url(settings, "https://m/a%0d%0aX%20b%26c%25%zz%4").path,
            "/a%0d%0aX%20b%26c%25%zz%4");
}

TEST(XePermitted, CanonicalPath) {
  EXPECT_EQ(canonical_path("/w/d", "f"), "/w/d/f");
  EXPECT_EQ(canonical_path("/w/d", "./a/../f"), "/w/d/f");
  EXPECT_EQ(canonical_path("/w/d", "../../../x"), "/x");
  EXPECT_EQ(canonical_path("/w/d", "/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(canonical_path("/w/d", ""), "/w/d");
  EXPECT_EQ(canonical_path("/", ".."), "/");
}

TEST(XePermitted, OnlyValuesOfTheCommandLine) {
  const std::vector<std::string> words = {"vm-export", "filename=out.xva", "key=/etc/../tmp/a=b"};
  EXPECT_TRUE(may_touch("out.xva", words, "/w"));
  EXPECT_TRUE(may_touch("/w/out.xva", words, "/w"));
  EXPECT_TRUE(may_touch("x/../out.xva", words, "/w"));
  EXPECT_TRUE(may_touch("/tmp/a=b", words, "/w"));
  EXPECT_FALSE(may_touch("out.xva1", words, "/w"));
  EXPECT_FALSE(may_touch("/etc/passwd", words, "/w"));
  EXPECT_FALSE(may_touch("vm-export", words, "/w"));
  EXPECT_FALSE(may_touch("filename=out.xva", words, "/w"));
}

TEST(XeProgress, Text) {
  using namespace std::chrono_literals;
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "0.98 KiB");
  EXPECT_EQ(human_bytes(1536.0 * 1024 * 1024), "1.50 GiB");
  EXPECT_EQ(human_bytes(12.5 * 1024), "12.5 KiB");
  EXPECT_EQ(progress_text(512 << 20, 1024 << 20, 4s), "512 MiB of 1.00 GiB (50 %), 128 MiB/s");
  EXPECT_EQ(progress_text(1024, std::nullopt, 0s), "1.00 KiB");
}

}  // namespace
}  // namespace xcp::xe
