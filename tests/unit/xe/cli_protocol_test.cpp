// SPDX-License-Identifier: GPL-2.0-or-later
// The wire form of every message of the command-line protocol, byte for byte where the protocol
// gives an example, and that garbage is refused.
#include "base/cli_protocol.hpp"

#include <gtest/gtest.h>

namespace xcp::cli {
namespace {

std::string payload(const Message& message) {
  return encode(message).substr(4);
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

const std::vector<Message>& one_of_each() {
  static const std::vector<Message> messages = {
      Print{"hello"},
      Print{""},
      PrintStderr{"oops\n"},
      Debug{"d"},
      Load{"/tmp/x"},
      Prompt{},
      Exit{3},
      Exit{-1},
      Error{"HOST_IS_SLAVE", {"10.0.0.1"}},
      Error{"X", {}},
      Error{"X", {"", "b", std::string("\0c", 2)}},
      HttpGet{"file", "/export?uuid=1"},
      HttpPut{"", "https://h/x"},
      HttpConnect{"/console?ref=1"},
      Response::Ok,
      Response::Failed,
      Response::Wait,
      Chunk{2147483647},
      End{},
  };
  return messages;
}

TEST(CliProtocol, ExitHasTheDocumentedBytes) {
  EXPECT_EQ(encode(Exit{0}), bytes({12, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(CliProtocol, TagsAreThoseOfTheProtocol) {
  EXPECT_EQ(payload(Print{"a"}), bytes({9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'a'}));
  EXPECT_EQ(payload(Load{""}).substr(0, 8), bytes({9, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(payload(Prompt{}), bytes({9, 0, 0, 0, 3, 0, 0, 0}));
  EXPECT_EQ(payload(HttpGet{}).substr(4, 4), bytes({12, 0, 0, 0}));
  EXPECT_EQ(payload(HttpPut{}).substr(4, 4), bytes({13, 0, 0, 0}));
  EXPECT_EQ(payload(Error{}).substr(4, 4), bytes({14, 0, 0, 0}));
  EXPECT_EQ(payload(Debug{}).substr(4, 4), bytes({15, 0, 0, 0}));
  EXPECT_EQ(payload(PrintStderr{}).substr(4, 4), bytes({16, 0, 0, 0}));
  EXPECT_EQ(payload(HttpConnect{}).substr(4, 4), bytes({17, 0, 0, 0}));
  EXPECT_EQ(payload(Response::Ok), bytes({10, 0, 0, 0, 5, 0, 0, 0}));
  EXPECT_EQ(payload(Response::Failed), bytes({10, 0, 0, 0, 6, 0, 0, 0}));
  EXPECT_EQ(payload(Response::Wait), bytes({10, 0, 0, 0, 18, 0, 0, 0}));
  EXPECT_EQ(payload(Chunk{258}), bytes({11, 0, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0}));
  EXPECT_EQ(payload(End{}), bytes({11, 0, 0, 0, 8, 0, 0, 0}));
}

TEST(CliProtocol, EveryMessageSurvivesTheWire) {
  for (const Message& message : one_of_each()) {
    const std::string whole = encode(message);
    EXPECT_EQ(static_cast<std::size_t>(decode_length(whole)), whole.size() - 4);
    EXPECT_EQ(decode(whole.substr(4)), message);
  }
}

TEST(CliProtocol, CutAndPaddedMessagesAreRefused) {
  for (const Message& message : one_of_each()) {
    const std::string good = payload(message);
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_EQ(decode(good.substr(0, size)), std::nullopt)
          << message.index() << " cut at " << size;
    }
    EXPECT_EQ(decode(good + '\0'), std::nullopt) << message.index();
  }
}

TEST(CliProtocol, WildTagsAndLengthsAreRefused) {
  EXPECT_EQ(decode(bytes({9, 0, 0, 0, 2, 0, 0, 0})), std::nullopt);
  EXPECT_EQ(decode(bytes({12, 0, 0, 0, 5, 0, 0, 0})), std::nullopt);
  EXPECT_EQ(decode(bytes({10, 0, 0, 0, 7, 0, 0, 0})), std::nullopt);
  EXPECT_EQ(decode(bytes({9, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})), std::nullopt);
  EXPECT_EQ(decode(bytes({9, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 127})), std::nullopt);
}

TEST(CliProtocol, Handshake) {
  const std::string block = encode_handshake();
  ASSERT_EQ(block.size(), handshake_bytes);
  EXPECT_EQ(block, "XenSource thin CLI protocol" + bytes({0, 0, 0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(decode_handshake(block), (ProtocolVersion{0, 2}));
  EXPECT_EQ(decode_handshake(block.substr(1)), std::nullopt);
  EXPECT_EQ(decode_handshake("x" + block.substr(1)), std::nullopt);
  EXPECT_TRUE((ProtocolVersion{0, 2}).knows_wait());
  EXPECT_FALSE((ProtocolVersion{0, 1}).knows_wait());
}

}  // namespace
}  // namespace xcp::cli
