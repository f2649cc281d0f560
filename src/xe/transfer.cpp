// SPDX-License-Identifier: GPL-2.0-or-later
// PUT and GET on the second connection. While data moves, or does not, the server hears Wait on the
// first connection in the agreed interval.
#include "xe/transfer.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/failure.hpp"
#include "xe/http.hpp"
#include "xe/interrupt.hpp"
#include "xe/progress.hpp"

namespace xcp::xe {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;
constexpr int max_redirects = 10;

void complain(const Session& session, const std::string& text) {
  write_all(session.terminal.err, text + '\n');
}

struct Opened {
  Connection connection;
  HttpHead head;
};

// Sends the request and reads the head of the answer, following redirects. nullopt (and the user
// has been told) for anything but 200.
std::optional<Opened> open_request(Session& session, const std::string& url,
                                   const std::function<std::string(const std::string&)>& request) {
  Request where = resolve_url(session.settings, url);
  for (int hop = 0; hop <= max_redirects; ++hop) {
    Connection connection = session.connector.open(where.targets);
    connection.write_all(request(where.path));
    const auto text = connection.read_http_head();
    const auto head = text ? parse_http_head(*text) : std::nullopt;
    if (!head) {
      complain(session, "The server did not answer the transfer request.");
      return std::nullopt;
    }
    session.trace.line(fmt::format("HTTP {} {}", head->status, head->reason));
    if (head->status == 200) return Opened{std::move(connection), *head};
    if (head->status != 302 || !head->location) {
      complain(session,
               fmt::format("The server refused the transfer: {} {}", head->status, head->reason));
      return std::nullopt;
    }
    where = resolve_url(session.settings, *head->location);
  }
  complain(session, "The server redirected the transfer too often.");
  return std::nullopt;
}

void send_waiting(Connection& connection, std::string_view bytes, KeepWaiting& waiting) {
  while (!bytes.empty()) {
    if (const auto count = connection.write_some(bytes, waiting.remaining())) {
      bytes.remove_prefix(*count);
    }
    waiting.send_if_due();
  }
}

// Waits for a source such as a pipe, which may be slow.
void wait_for_input(int fd, KeepWaiting& waiting) {
  while (!wait_readable(fd, waiting.remaining())) waiting.send_if_due();
}

// `size`: stop there, and a shorter source is an error; none: until its end.
void send_content(Session& session, int source, std::optional<std::uint64_t> size,
                  Connection& connection) {
  KeepWaiting waiting(session);
  Progress progress(session.terminal.err, true, size);
  std::string block(block_bytes, '\0');
  std::uint64_t left = size.value_or(UINT64_MAX);
  while (left > 0) {
    wait_for_input(source, waiting);
    const std::size_t count =
        read_some(source, block.data(), std::min<std::uint64_t>(left, block_bytes));
    if (count == 0) break;
    send_waiting(connection, std::string_view(block).substr(0, count), waiting);
    progress.add(count);
    left -= count;
  }
  if (size && left > 0) {
    throw Failure("CLIENT_ERROR", {"the file became shorter while it was being sent"});
  }
  connection.finish();
}

Transfer send_file(Session& session, const cli::HttpPut& command, int source) {
  struct stat status {};
  if (fstat(source, &status) != 0) throw system_failure("fstat", errno);
  std::optional<std::uint64_t> size;
  if (S_ISREG(status.st_mode)) size = static_cast<std::uint64_t>(status.st_size);
  auto opened = open_request(session, command.url, [&](const std::string& path) {
    std::string request = fmt::format("PUT {} HTTP/1.0\r\n", path);
    if (size) request += fmt::format("Content-length: {}\r\n", *size);
    return request + "\r\n";
  });
  if (!opened) return Transfer::Failed;
  send_content(session, source, size, opened->connection);
  return Transfer::Done;
}

void receive_content(Session& session, Opened& opened, int sink) {
  KeepWaiting waiting(session);
  const bool to_terminal = sink == session.terminal.out && isatty(sink);
  Progress progress(session.terminal.err, !to_terminal, opened.head.content_length);
  std::string block(block_bytes, '\0');
  std::uint64_t received = 0;
  for (;;) {
    const auto count = opened.connection.read_some(block.data(), block.size(), waiting.remaining());
    waiting.send_if_due();
    if (!count) continue;
    if (*count == 0) break;
    write_all(sink, std::string_view(block).substr(0, *count));
    progress.add(*count);
    received += *count;
  }
  if (opened.head.content_length && received < *opened.head.content_length) {
    throw Failure("CLIENT_ERROR", {fmt::format("the connection ended after {} of {} bytes",
                                               received, *opened.head.content_length)});
  }
}

Transfer receive_into(Session& session, const cli::HttpGet& command, int sink) {
  auto opened = open_request(session, command.url, [](const std::string& path) {
    return fmt::format("GET {} HTTP/1.0\r\n\r\n", path);
  });
  if (!opened) return Transfer::Failed;
  receive_content(session, *opened, sink);
  return Transfer::Done;
}

Transfer receive_file(Session& session, const cli::HttpGet& command) {
  UniqueFd sink(open(command.filename.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!sink) {
    complain(session, fmt::format("Cannot create {}: {}", command.filename, std::strerror(errno)));
    return Transfer::Refused;
  }
  PartialFile partial(command.filename);
  const Transfer outcome = receive_into(session, command, sink.get());
  // A full disk may show only now.
  if (outcome == Transfer::Done && close(sink.release()) != 0) throw system_failure("close", errno);
  if (outcome == Transfer::Done) partial.keep();
  return outcome;
}

}  // namespace

Transfer upload(Session& session, const cli::HttpPut& command) {
  UniqueFd source(open(command.filename.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  const bool usable = source && fstat(source.get(), &status) == 0;
  if (!usable || S_ISDIR(status.st_mode)) {
    complain(session, fmt::format("Cannot read {}: {}", command.filename,
                                  std::strerror(usable ? EISDIR : errno)));
    return Transfer::Refused;
  }
  try {
    return send_file(session, command, source.get());
  } catch (const Failure& failure) {
    complain(session,
             fmt::format("Sending {} failed: {}", command.filename, failure.params().front()));
    return Transfer::Failed;
  }
}

Transfer download(Session& session, const cli::HttpGet& command) {
  try {
    if (command.filename.empty()) return receive_into(session, command, session.terminal.out);
    return receive_file(session, command);
  } catch (const Failure& failure) {
    complain(session, fmt::format("Receiving {} failed: {}",
                                  command.filename.empty() ? "the data" : command.filename,
                                  failure.params().front()));
    return Transfer::Failed;
  }
}

}  // namespace xcp::xe
