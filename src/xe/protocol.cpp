// SPDX-License-Identifier: GPL-2.0-or-later
// Reactions to the server's commands; file transfers and the console are in files of their own.
#include "xe/protocol.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/failure.hpp"
#include "xe/console.hpp"
#include "xe/permitted.hpp"
#include "xe/transfer.hpp"

namespace xcp::xe {
namespace {

[[noreturn]] void give_up(std::string message) {
  throw Failure("CLIENT_ERROR", {std::move(message)});
}

std::string summary(const cli::Message& message) {
  struct Names {
    std::string operator()(const cli::Print& m) const { return "Print " + m.text; }
    std::string operator()(const cli::PrintStderr& m) const { return "PrintStderr " + m.text; }
    std::string operator()(const cli::Debug& m) const { return "Debug " + m.text; }
    std::string operator()(const cli::Load& m) const { return "Load " + m.filename; }
    std::string operator()(const cli::Prompt&) const { return "Prompt"; }
    std::string operator()(const cli::Exit& m) const { return fmt::format("Exit {}", m.status); }
    std::string operator()(const cli::Error& m) const { return "Error " + m.code; }
    std::string operator()(const cli::HttpGet& m) const {
      return "HttpGet " + m.filename + " " + without_session(m.url);
    }
    std::string operator()(const cli::HttpPut& m) const {
      return "HttpPut " + m.filename + " " + without_session(m.url);
    }
    std::string operator()(const cli::HttpConnect& m) const {
      return "HttpConnect " + without_session(m.url);
    }
    std::string operator()(cli::Response r) const {
      return r == cli::Response::Ok ? "OK" : r == cli::Response::Failed ? "Failed" : "Wait";
    }
    std::string operator()(const cli::Chunk& m) const { return fmt::format("Chunk {}", m.bytes); }
    std::string operator()(const cli::End&) const { return "End"; }

    // The session in the query opens the server to whoever reads the trace.
    static std::string without_session(const std::string& url) {
      return url.substr(0, url.find('?'));
    }
  };
  return std::visit(Names{}, message);
}

// The content of a file, nullopt (and `reason`) when it cannot be sent.
std::optional<std::string> load_file(const std::string& path, std::string& reason) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) {
    reason = std::strerror(errno);
    return std::nullopt;
  }
  if (S_ISDIR(status.st_mode)) {
    reason = std::strerror(EISDIR);
    return std::nullopt;
  }
  std::string bytes;
  char buffer[65536];
  while (const std::size_t count = read_some(fd.get(), buffer, sizeof buffer)) {
    bytes.append(buffer, count);
    if (bytes.size() > cli::max_load_bytes) {
      reason = fmt::format("longer than the {} bytes a server takes", cli::max_load_bytes);
      return std::nullopt;
    }
  }
  return bytes;
}

void require_permission(const Session& session, const std::string& filename) {
  if (may_touch(filename, session.settings.words, session.working_directory)) return;
  give_up("The server asked for a file that was not named on the command line: " + filename);
}

std::string read_line(int fd) {
  std::string line;
  char c = 0;
  // One byte at a time: what follows the line belongs to somebody else.
  while (read_some(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

// What each command makes the client do; nullopt: go on, else the exit status.
struct Reaction {
  Session& session;
  using Status = std::optional<int>;

  Status operator()(const cli::Print& m) const {
    write_all(session.terminal.out, m.text + '\n');
    return {};
  }
  Status operator()(const cli::PrintStderr& m) const {
    write_all(session.terminal.err, m.text);
    return {};
  }
  Status operator()(const cli::Debug&) const { return {}; }  // receive() has traced it
  Status operator()(const cli::Exit& m) const { return m.status; }

  Status operator()(const cli::Error& m) const {
    write_all(session.terminal.err, fmt::format("Error code: {}\nError parameters: {}\n", m.code,
                                                fmt::join(m.params, ", ")));
    return {};
  }

  Status operator()(const cli::Load& m) const {
    require_permission(session, m.filename);
    std::string reason;
    if (const auto bytes = load_file(m.filename, reason)) {
      session.channel.send(cli::Response::Ok);
      session.channel.send_blob(*bytes);
    } else {
      write_all(session.terminal.err, fmt::format("Cannot read {}: {}\n", m.filename, reason));
      session.channel.send(cli::Response::Failed);
    }
    return {};
  }

  Status operator()(const cli::Prompt&) const {
    session.channel.send_blob(read_line(session.terminal.in));
    return {};
  }

  Status operator()(const cli::HttpPut& m) const {
    require_permission(session, m.filename);
    return finish(upload(session, m));
  }
  Status operator()(const cli::HttpGet& m) const {
    const bool is_directory = canonical_path(session.working_directory, m.filename) ==
                              canonical_path(session.working_directory, "");
    if (!is_directory) require_permission(session, m.filename);
    return finish(download(session, m));
  }
  Status operator()(const cli::HttpConnect& m) const { return finish(run_console(session, m)); }

  Status operator()(cli::Response) const { out_of_turn(); }
  Status operator()(const cli::Chunk&) const { out_of_turn(); }
  Status operator()(const cli::End&) const { out_of_turn(); }

 private:
  [[noreturn]] static void out_of_turn() {
    give_up("Protocol error: the server sent an answer instead of a command.");
  }
  Status finish(Transfer outcome) const {
    session.channel.send(outcome == Transfer::Done ? cli::Response::Ok : cli::Response::Failed);
    if (outcome == Transfer::Refused) return 1;
    return {};
  }
};

}  // namespace

void Channel::open(const Settings& settings) {
  trace_.line(fmt::format("command: {}", fmt::join(settings.words, " ")));
  connection_.write_all(opening_request(settings));
  // An HTTP answer may be shorter than the handshake.
  const std::string bytes = connection_.read_exactly(cli::handshake_bytes);
  if (bytes.empty()) give_up("The server closed the connection without an answer.");
  if (bytes.size() >= 4 && strncasecmp(bytes.c_str(), "HTTP", 4) == 0) {
    give_up("The server answered with an HTTP error: " + bytes.substr(0, bytes.find('\r')));
  }
  const auto version = cli::decode_handshake(bytes);
  if (!version) give_up("There is no server for xe at this address.");
  if (version->major != cli::protocol_major) {
    give_up(fmt::format("The server speaks version {}.{} of the protocol, this client {}.{}.",
                        version->major, version->minor, cli::protocol_major, cli::protocol_minor));
  }
  version_ = *version;
  trace_.line(fmt::format("server speaks {}.{}", version_.major, version_.minor));
  connection_.write_all(cli::encode_handshake());
}

std::string Channel::read(std::size_t size) {
  std::string bytes;
  try {
    bytes = connection_.read_exactly(size);
  } catch (const Failure& failure) {
    give_up("Lost the connection to the server: " + failure.params().front());
  }
  if (bytes.size() < size) give_up("Lost the connection to the server.");
  return bytes;
}

cli::Message Channel::receive() {
  const std::string head = read(4);
  const std::int32_t size = cli::decode_length(head);
  if (size < 0 || static_cast<std::size_t>(size) > cli::max_message_bytes) {
    give_up(fmt::format("Protocol error: message of {} bytes.", size));
  }
  auto message = cli::decode(read(static_cast<std::size_t>(size)));
  if (!message) give_up("Protocol error: message that cannot be understood.");
  if (trace_.active()) trace_.line("< " + summary(*message));
  return std::move(*message);
}

void Channel::send(const cli::Message& message) {
  if (trace_.active()) trace_.line("> " + summary(message));
  connection_.write_all(cli::encode(message));
}

void Channel::send_bytes(std::string_view bytes) {
  connection_.write_all(bytes);
}

void Channel::send_blob(std::string_view bytes) {
  send(cli::Chunk{static_cast<std::int32_t>(bytes.size())});
  send_bytes(bytes);
  send(cli::End{});
}

std::chrono::milliseconds KeepWaiting::remaining() const {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(due_ - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds::zero());
}

void KeepWaiting::send_if_due() {
  if (remaining() > std::chrono::milliseconds::zero()) return;
  restart();
  if (session_.channel.knows_wait()) session_.channel.send(cli::Response::Wait);
}

int converse(Session& session) {
  for (;;) {
    const cli::Message message = session.channel.receive();
    if (const auto status = std::visit(Reaction{session}, message)) return *status;
  }
}

}  // namespace xcp::xe
