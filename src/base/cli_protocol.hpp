// SPDX-License-Identifier: GPL-2.0-or-later
// The messages between the `xe` client and the server, and their form on the wire: 32 bit
// little-endian numbers, strings with their length in front, every message with its length in
// front. Pure: bytes in, values out. Both ends use this one file, so that they cannot disagree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace xcp::cli {

// What the server asks the client to do. A line to standard output or standard error:
struct Print {
  std::string text;  // the client adds a newline
  bool operator==(const Print&) const = default;
};
struct PrintStderr {
  std::string text;  // written unchanged
  bool operator==(const PrintStderr&) const = default;
};
struct Debug {
  std::string text;
  bool operator==(const Debug&) const = default;
};
// Send the content of a file of the user's.
struct Load {
  std::string filename;
  bool operator==(const Load&) const = default;
};
// Send one line typed by the user.
struct Prompt {
  bool operator==(const Prompt&) const = default;
};
struct Exit {
  std::int32_t status = 0;
  bool operator==(const Exit&) const = default;
};
struct Error {
  std::string code;
  std::vector<std::string> params;
  bool operator==(const Error&) const = default;
};
// Move data over a second connection. An empty filename of HttpGet is the standard output.
struct HttpGet {
  std::string filename;
  std::string url;
  bool operator==(const HttpGet&) const = default;
};
struct HttpPut {
  std::string filename;
  std::string url;
  bool operator==(const HttpPut&) const = default;
};
struct HttpConnect {
  std::string url;
  bool operator==(const HttpConnect&) const = default;
};

// What the client answers.
enum class Response : std::int32_t { Ok = 5, Failed = 6, Wait = 18 };

// Data from the client: `bytes` raw bytes follow the Chunk on the stream, outside any message.
struct Chunk {
  std::int32_t bytes = 0;
  bool operator==(const Chunk&) const = default;
};
struct End {
  bool operator==(const End&) const = default;
};

using Message = std::variant<Print, PrintStderr, Debug, Load, Prompt, Exit, Error, HttpGet, HttpPut,
                             HttpConnect, Response, Chunk, End>;

inline constexpr std::string_view protocol_name = "XenSource thin CLI protocol";
inline constexpr std::int32_t protocol_major = 0;
inline constexpr std::int32_t protocol_minor = 2;
inline constexpr std::size_t handshake_bytes = 35;

// A server's message longer than this is taken for garbage.
inline constexpr std::size_t max_message_bytes = 64u << 20;
// The longest argument list a server reads, and the most it takes from Load.
inline constexpr std::size_t max_arguments_bytes = 204800;
inline constexpr std::size_t max_load_bytes = 33554432;

struct ProtocolVersion {
  std::int32_t major = protocol_major;
  std::int32_t minor = protocol_minor;
  bool operator==(const ProtocolVersion&) const = default;
  // True when the other end understands Response::Wait.
  bool knows_wait() const { return major * 10 + minor >= 2; }
};

// The 35 bytes each side opens with; decode gives nullopt for anything else.
std::string encode_handshake(ProtocolVersion version = {});
std::optional<ProtocolVersion> decode_handshake(std::string_view bytes);

// The whole message, length first.
std::string encode(const Message& message);

// A length as it stands in front of a message; `bytes` must hold at least four.
std::int32_t decode_length(std::string_view bytes);

// The payload (without its length); nullopt when it is cut short, has bytes left over or a tag
// nobody knows.
std::optional<Message> decode(std::string_view payload);

}  // namespace xcp::cli
