// SPDX-License-Identifier: GPL-2.0-or-later
// One request from bytes, whole and in every possible pair of pieces.
#include "xapi/http/parser.hpp"

#include <gtest/gtest.h>

#include <string>

namespace xcp::http {
namespace {

using Stage = RequestParser::Stage;

constexpr std::size_t header_limit = 1024;
constexpr std::size_t field_limit = 8;
constexpr std::uint64_t body_limit = 64;

struct Outcome {
  Stage stage = Stage::Header;
  unsigned error = 0;
  Request request;
  std::string rest;
  bool close = false;
};

void offer(RequestParser& parser, std::string& kept) {
  std::size_t taken;
  do {
    taken = parser.feed(kept);
    kept.erase(0, taken);
    if (parser.stage() == Stage::HasHeader) {
      parser.accept_body(body_limit, 500);
      taken = 1;
    }
  } while (taken != 0);
}

// Feeds `text` in two pieces, the first of `cut` bytes.
Outcome parse(std::string_view text, std::size_t cut) {
  RequestParser parser(header_limit, field_limit);
  std::string kept;
  for (const auto piece : {text.substr(0, cut), text.substr(cut)}) {
    kept += piece;
    offer(parser, kept);
  }
  return {parser.stage(), parser.error_status(), std::move(parser.request()), kept,
          parser.wants_close()};
}

// The same outcome wherever the pieces are cut.
Outcome parse(std::string_view text) {
  Outcome whole = parse(text, text.size());
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const Outcome pieces = parse(text, cut);
    EXPECT_EQ(pieces.stage, whole.stage) << "cut at " << cut;
    EXPECT_EQ(pieces.error, whole.error) << "cut at " << cut;
    EXPECT_EQ(pieces.request.body, whole.request.body) << "cut at " << cut;
    EXPECT_EQ(pieces.request.headers, whole.request.headers) << "cut at " << cut;
    if (whole.stage == Stage::Complete) {
      EXPECT_EQ(pieces.rest, whole.rest) << "cut at " << cut;
    }
  }
  return whole;
}

TEST(RequestParser, ReadsARequestWithoutBody) {
  const Outcome outcome =
      parse("GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\nCookie: e=f; g=h\r\n\r\nNEXT");
  EXPECT_EQ(outcome.stage, Stage::Complete);
  EXPECT_EQ(outcome.request.method, "GET");
  EXPECT_EQ(outcome.request.target, "/a%20b?c=d");
  EXPECT_EQ(outcome.request.path, "/a b");
  EXPECT_EQ(*outcome.request.header("HOST"), "x");
  EXPECT_EQ(*outcome.request.parameter("c"), "d");
  EXPECT_EQ(*outcome.request.parameter("g"), "h");
  EXPECT_EQ(outcome.request.parameter("i"), nullptr);
  EXPECT_EQ(outcome.rest, "NEXT");
  EXPECT_FALSE(outcome.close);
}

TEST(RequestParser, QueryComesBeforeCookie) {
  const Outcome outcome = parse("GET /?a=query HTTP/1.1\r\nCookie: a=cookie\r\n\r\n");
  EXPECT_EQ(*outcome.request.parameter("a"), "query");
  EXPECT_EQ(*outcome.request.cookie("a"), "cookie");
}

TEST(RequestParser, ReadsABodyOfKnownLength) {
  const Outcome outcome = parse("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /");
  EXPECT_EQ(outcome.stage, Stage::Complete);
  EXPECT_EQ(outcome.request.body, "hello");
  EXPECT_EQ(outcome.request.content_length, 5u);
  EXPECT_EQ(outcome.rest, "GET /");
}

TEST(RequestParser, ReadsChunks) {
  const Outcome outcome = parse(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\nTrailer: t\r\n\r\nGET /");
  EXPECT_EQ(outcome.stage, Stage::Complete);
  EXPECT_EQ(outcome.request.body, "hello, world");
  EXPECT_TRUE(outcome.request.chunked);
  EXPECT_EQ(outcome.request.header("Trailer"), nullptr);
  EXPECT_EQ(outcome.rest, "GET /");
}

TEST(RequestParser, ConnectsToAPath) {
  const Outcome outcome = parse("CONNECT /console?ref=OpaqueRef:1 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(outcome.stage, Stage::Complete);
  EXPECT_EQ(outcome.request.method, "CONNECT");
  EXPECT_EQ(outcome.request.path, "/console");
  EXPECT_EQ(*outcome.request.parameter("ref"), "OpaqueRef:1");
}

TEST(RequestParser, TellsWhenTheClientWantsToClose) {
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n").close);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").close);
}

TEST(RequestParser, SkipsAFrame) {
  const std::string header = "GET /framed HTTP/1.1\r\nA: b\r\n\r\n";
  const Outcome outcome = parse("FRAME 000000000030" + header);
  EXPECT_EQ(outcome.stage, Stage::Complete);
  EXPECT_EQ(outcome.request.path, "/framed");
  EXPECT_EQ(parse("FRAME 00000000003x" + header).error, 400u);
}

TEST(RequestParser, SkipsLineBreaksBetweenRequests) {
  EXPECT_EQ(parse("\r\n\r\nGET / HTTP/1.1\r\n\r\n").stage, Stage::Complete);
}

TEST(RequestParser, LimitsTheHeaderExactly) {
  const std::string start = "GET / HTTP/1.1\r\nA: ";
  const std::string fits = start + std::string(header_limit - start.size() - 4, 'x') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), header_limit);
  EXPECT_EQ(parse(fits).stage, Stage::Complete);
  const std::string larger = start + "x" + fits.substr(start.size());
  EXPECT_EQ(parse(larger).error, 431u);
  EXPECT_EQ(parse(std::string(header_limit + 1, 'G')).error, 431u);
}

TEST(RequestParser, LimitsTheNumberOfFields) {
  std::string text = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i < field_limit; ++i) text += "A: b\r\n";
  EXPECT_EQ(parse(text + "\r\n").stage, Stage::Complete);
  EXPECT_EQ(parse(text + "A: b\r\n\r\n").error, 431u);
}

TEST(RequestParser, LimitsTheBodyExactly) {
  const auto sized = [](std::size_t size) {
    return parse("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                 std::string(size, 'x'));
  };
  EXPECT_EQ(sized(body_limit).stage, Stage::Complete);
  EXPECT_EQ(sized(body_limit + 1).error, 500u);
  // Refused as soon as the length is known.
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n").error, 500u);
}

TEST(RequestParser, LimitsChunksTogether) {
  const std::string start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string half = "20\r\n" + std::string(32, 'x') + "\r\n";
  EXPECT_EQ(parse(start + half + half + "0\r\n\r\n").stage, Stage::Complete);
  EXPECT_EQ(parse(start + half + half + "1\r\nx\r\n0\r\n\r\n").error, 500u);
  EXPECT_EQ(parse(start + "ffffffffffffffff\r\n").error, 500u);
}

TEST(RequestParser, LimitsChunkHeaders) {
  const std::string start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(parse(start + "1;" + std::string(9000, 'x'), start.size()).error, 400u);
}

TEST(RequestParser, IsStrictAboutChunks) {
  const std::string start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* good : {"0\r\n\r\n", "000\r\n\r\n", "1 \r\nx\r\n0\t;e\r\n\r\n",
                           "A;a=\"b\"\r\n0123456789\r\n0\r\nT: v\r\nU:\r\n\r\n"})
    EXPECT_EQ(parse(start + good).stage, Stage::Complete) << good;
  for (const char* bad : {"\r\n\r\n", ";\r\n", " 1\r\nx", "1\nx\r\n", "0x1\r\nx\r\n", "-1\r\n",
                          "+1\r\n", "1 1\r\n", "1\rx", "1\r\nxx", "1\r\nx\rx",
                          "0\r\nT: \x01\r\n\r\n", "0\r\nT: v\n\r\n", "1;\x02\r\n", "0\r\n\rx"})
    EXPECT_EQ(parse(start + bad).error, 400u) << bad;
  // Half of it is not an error, and not complete.
  for (const char* half : {"", "0", "0\r", "0\r\n", "0\r\n\r", "0\r\nT", "5\r\nabc"})
    EXPECT_EQ(parse(start + half).stage, Stage::Body) << half;
}

TEST(RequestParser, LimitsTrailers) {
  const std::string start = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  std::string trailers;
  for (int i = 0; i < 1000; ++i) trailers += "Name: value\r\n";
  EXPECT_EQ(parse(start + trailers, start.size()).error, 400u);
}

TEST(RequestParser, RefusesMalformedRequests) {
  for (const char* bad : {
           "\x16\x03\x01\r\n\r\n",
           "GET\r\n\r\n",
           "GET /\r\n\r\n",
           "GET / HTTP/1.1\r\nno colon\r\n\r\n",
           "GET / HTTP/1.1\r\nA : b\r\n\r\n",
           "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",
           "GET /%zz HTTP/1.1\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabcdef\r\n",
       })
    EXPECT_EQ(parse(bad).error, 400u) << bad;
  EXPECT_EQ(parse("GET / HTTP/2.0\r\n\r\n").error, 505u);
  EXPECT_EQ(parse("GET /a b HTTP/1.1\r\n\r\n").error, 505u);
}

TEST(RequestParser, RefusesOtherTransferEncodings) {
  for (const char* encoding : {"gzip", "gzip, chunked", "identity", "chunked, chunked", "xchunked"})
    EXPECT_EQ(
        parse(std::string("POST / HTTP/1.1\r\nTransfer-Encoding: ") + encoding + "\r\n\r\n").error,
        501u)
        << encoding;
}

}  // namespace
}  // namespace xcp::http
