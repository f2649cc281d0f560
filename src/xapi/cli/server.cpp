// SPDX-License-Identifier: GPL-2.0-or-later
// The server's half of the protocol; see server.hpp. A socket error and an answer out of turn both
// mean that there is nobody left to talk to.
#include "xapi/cli/server.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "xapi/cli/errors.hpp"

namespace xcp::cli {
namespace {

[[noreturn]] void lost() {
  throw Failure(connection_lost);
}

void write_socket(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) lost();
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

std::vector<std::string> words_of_body(std::string_view body) {
  std::vector<std::string> words;
  while (!body.empty()) {
    const auto end = body.find('\n');
    std::string_view word = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (word.ends_with('\r')) word.remove_suffix(1);
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::string SocketTerminal::read(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t count = recv(socket_.get(), bytes.data() + have, size - have, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) lost();
    have += static_cast<std::size_t>(count);
  }
  return bytes;
}

void SocketTerminal::send(const Message& message) {
  write_socket(socket_.get(), encode(message));
}

Message SocketTerminal::receive() {
  // Nothing the client sends is long: the bytes of a chunk come outside of messages.
  constexpr std::int32_t longest = 4096;
  const std::int32_t size = decode_length(read(4));
  if (size < 0 || size > longest) lost();
  auto message = decode(read(static_cast<std::size_t>(size)));
  if (!message) lost();
  return std::move(*message);
}

bool SocketTerminal::greet() {
  try {
    write_socket(socket_.get(), encode_handshake());
    const auto version = decode_handshake(read(handshake_bytes));
    return version && version->major == protocol_major;
  } catch (const Failure&) {
    return false;
  }
}

void SocketTerminal::print(std::string_view text) {
  send(Print{std::string(text)});
}
void SocketTerminal::print_stderr(std::string_view text) {
  send(PrintStderr{std::string(text)});
}
void SocketTerminal::error(const std::string& code, const std::vector<std::string>& params) {
  send(Error{code, params});
}
void SocketTerminal::exit(int status) {
  send(Exit{status});
}

bool SocketTerminal::answer() {
  for (;;) {
    const Message message = receive();
    const auto* response = std::get_if<Response>(&message);
    if (!response) lost();
    switch (*response) {
      case Response::Ok:
        return true;
      case Response::Failed:
        return false;
      case Response::Wait:
        break;
    }
  }
}

std::string SocketTerminal::read_blob(std::size_t limit) {
  std::string bytes;
  for (;;) {
    const Message message = receive();
    if (std::holds_alternative<End>(message)) return bytes;
    const auto* chunk = std::get_if<Chunk>(&message);
    if (!chunk || chunk->bytes < 0) lost();
    if (bytes.size() + static_cast<std::size_t>(chunk->bytes) > limit) {
      throw cli_error("The file is longer than " + std::to_string(limit) + " bytes.");
    }
    bytes += read(static_cast<std::size_t>(chunk->bytes));
  }
}

std::optional<std::string> SocketTerminal::load(const std::string& filename) {
  send(Load{filename});
  if (!answer()) return std::nullopt;
  return read_blob(max_load_bytes);
}

std::string SocketTerminal::prompt() {
  send(Prompt{});
  return read_blob(max_arguments_bytes);
}

bool SocketTerminal::http_get(const std::string& filename, const std::string& url) {
  send(HttpGet{filename, url});
  return answer();
}
bool SocketTerminal::http_put(const std::string& filename, const std::string& url) {
  send(HttpPut{filename, url});
  return answer();
}
bool SocketTerminal::http_connect(const std::string& url) {
  send(HttpConnect{url});
  return answer();
}

bool SocketTerminal::connected() {
  // Between commands the client has nothing to say: all there can be is the end.
  char byte = 0;
  const ssize_t count = recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void serve(UniqueFd socket, std::string_view body, bool draws_progress, Door& door) {
  SocketTerminal terminal(std::move(socket), draws_progress);
  if (!terminal.greet()) return;
  try {
    run_command_line(words_of_body(body), door, terminal);
  } catch (const Failure&) {
    // Only a broken connection gets here, and there is nobody to tell.
  } catch (const std::exception& error) {
    try {
      terminal.error("INTERNAL_ERROR", {error.what()});
      terminal.exit(1);
    } catch (const Failure&) {
      // As above.
    }
  }
}

}  // namespace xcp::cli
