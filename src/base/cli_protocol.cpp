// SPDX-License-Identifier: GPL-2.0-or-later
// Marshalling of the command-line protocol; see the header. The numbers below are the wire tags.
#include "base/cli_protocol.hpp"

#include <type_traits>

namespace xcp::cli {
namespace {

enum class Outer : std::int32_t { Command = 9, Response = 10, Blob = 11 };

enum class CommandTag : std::int32_t {
  Print = 0,
  Load = 1,
  Prompt = 3,
  Exit = 4,
  HttpGet = 12,
  HttpPut = 13,
  Error = 14,
  Debug = 15,
  PrintStderr = 16,
  HttpConnect = 17,
};

enum class BlobTag : std::int32_t { Chunk = 7, End = 8 };

class Writer {
 public:
  void number(std::int32_t value) {
    const auto bits = static_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>((bits >> shift) & 0xff);
  }
  template <class Tag>
  requires std::is_enum_v<Tag>
  void tag(Tag value) { number(static_cast<std::int32_t>(value)); }
  void text(std::string_view value) {
    number(static_cast<std::int32_t>(value.size()));
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads past the end give zero values and leave the reader failed.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::int32_t number() {
    if (rest_.size() < 4) return fail(), 0;
    const std::int32_t value = decode_length(rest_);
    rest_.remove_prefix(4);
    return value;
  }
  std::string text() {
    const std::int32_t size = number();
    if (size < 0 || static_cast<std::size_t>(size) > rest_.size()) return fail(), std::string();
    std::string value(rest_.substr(0, static_cast<std::size_t>(size)));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return value;
  }
  std::vector<std::string> texts() {
    const std::int32_t count = number();
    std::vector<std::string> values;
    // Each string takes at least four bytes, so a wild count ends here, not in memory.
    if (count < 0 || static_cast<std::size_t>(count) > rest_.size() / 4) return fail(), values;
    for (std::int32_t i = 0; i < count && !failed_; ++i) values.push_back(text());
    return values;
  }
  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  void fail() {
    failed_ = true;
    rest_ = {};
  }

  std::string_view rest_;
  bool failed_ = false;
};

struct PayloadWriter {
  Writer& out;

  void command(CommandTag tag) const {
    out.tag(Outer::Command);
    out.tag(tag);
  }
  void operator()(const Print& m) const { command(CommandTag::Print), out.text(m.text); }
  void operator()(const PrintStderr& m) const {
    command(CommandTag::PrintStderr), out.text(m.text);
  }
  void operator()(const Debug& m) const { command(CommandTag::Debug), out.text(m.text); }
  void operator()(const Load& m) const { command(CommandTag::Load), out.text(m.filename); }
  void operator()(const Prompt&) const { command(CommandTag::Prompt); }
  void operator()(const Exit& m) const { command(CommandTag::Exit), out.number(m.status); }
  void operator()(const Error& m) const {
    command(CommandTag::Error);
    out.text(m.code);
    out.number(static_cast<std::int32_t>(m.params.size()));
    for (const auto& param : m.params) out.text(param);
  }
  void operator()(const HttpGet& m) const {
    command(CommandTag::HttpGet), out.text(m.filename), out.text(m.url);
  }
  void operator()(const HttpPut& m) const {
    command(CommandTag::HttpPut), out.text(m.filename), out.text(m.url);
  }
  void operator()(const HttpConnect& m) const { command(CommandTag::HttpConnect), out.text(m.url); }
  void operator()(Response m) const { out.tag(Outer::Response), out.tag(m); }
  void operator()(const Chunk& m) const {
    out.tag(Outer::Blob), out.tag(BlobTag::Chunk), out.number(m.bytes);
  }
  void operator()(const End&) const { out.tag(Outer::Blob), out.tag(BlobTag::End); }
};

std::optional<Message> read_command(Reader& in) {
  switch (static_cast<CommandTag>(in.number())) {
    case CommandTag::Print:
      return Print{in.text()};
    case CommandTag::Load:
      return Load{in.text()};
    case CommandTag::Prompt:
      return Prompt{};
    case CommandTag::Exit:
      return Exit{in.number()};
    case CommandTag::Debug:
      return Debug{in.text()};
    case CommandTag::PrintStderr:
      return PrintStderr{in.text()};
    case CommandTag::HttpConnect:
      return HttpConnect{in.text()};
    case CommandTag::HttpGet: {
      std::string filename = in.text();
      return HttpGet{std::move(filename), in.text()};
    }
    case CommandTag::HttpPut: {
      std::string filename = in.text();
      return HttpPut{std::move(filename), in.text()};
    }
    case CommandTag::Error: {
      std::string code = in.text();
      return Error{std::move(code), in.texts()};
    }
  }
  return std::nullopt;
}

std::optional<Message> read_response(Reader& in) {
  switch (const auto response = static_cast<Response>(in.number())) {
    case Response::Ok:
    case Response::Failed:
    case Response::Wait:
      return response;
  }
  return std::nullopt;
}

std::optional<Message> read_blob(Reader& in) {
  switch (static_cast<BlobTag>(in.number())) {
    case BlobTag::Chunk:
      return Chunk{in.number()};
    case BlobTag::End:
      return End{};
  }
  return std::nullopt;
}

std::optional<Message> read_payload(Reader& in) {
  switch (static_cast<Outer>(in.number())) {
    case Outer::Command:
      return read_command(in);
    case Outer::Response:
      return read_response(in);
    case Outer::Blob:
      return read_blob(in);
  }
  return std::nullopt;
}

}  // namespace

std::int32_t decode_length(std::string_view bytes) {
  std::uint32_t bits = 0;
  for (int i = 3; i >= 0; --i) {
    bits = bits << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  }
  return static_cast<std::int32_t>(bits);
}

std::string encode_handshake(ProtocolVersion version) {
  Writer out;
  out.number(version.major);
  out.number(version.minor);
  return std::string(protocol_name) + out.bytes();
}

std::optional<ProtocolVersion> decode_handshake(std::string_view bytes) {
  if (bytes.size() != handshake_bytes || !bytes.starts_with(protocol_name)) return std::nullopt;
  Reader in(bytes.substr(protocol_name.size()));
  const std::int32_t major = in.number();
  return ProtocolVersion{major, in.number()};
}

std::string encode(const Message& message) {
  Writer payload;
  std::visit(PayloadWriter{payload}, message);
  Writer whole;
  whole.text(payload.bytes());
  return whole.bytes();
}

std::optional<Message> decode(std::string_view payload) {
  Reader in(payload);
  std::optional<Message> message = read_payload(in);
  if (!in.finished()) return std::nullopt;
  return message;
}

}  // namespace xcp::cli
