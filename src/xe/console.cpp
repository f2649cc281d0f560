// SPDX-License-Identifier: GPL-2.0-or-later
// Relay between the terminal and a CONNECT stream: one poll loop, no thread.
#include "xe/console.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/failure.hpp"
#include "xe/http.hpp"
#include "xe/interrupt.hpp"

namespace xcp::xe {
namespace {

using namespace std::chrono_literals;

constexpr char escape_character = 0x1d;  // Ctrl-]
constexpr std::chrono::milliseconds first_pause = 100ms;
constexpr std::chrono::milliseconds longest_pause = 5s;
constexpr std::size_t max_typed_bytes = 64 * 1024;

// What the user typed and the guest has not got yet.
struct Keyboard {
  int fd;
  std::string typed;
  bool ended = false;  // Ctrl-] or end of input: nothing more is read

  bool wants_more() const { return !ended && typed.size() < max_typed_bytes; }

  void read() {
    char buffer[4096];
    const std::size_t count = read_some(fd, buffer, sizeof buffer);
    const std::string_view bytes(buffer, count);
    const auto escape = bytes.find(escape_character);
    typed += bytes.substr(0, escape);
    ended = count == 0 || escape != std::string_view::npos;
  }
};

enum class Ending { Finished, Dropped };

class Relay {
 public:
  Relay(Session& session, Keyboard& keyboard)
      : session_(session), keyboard_(keyboard), waiting_(session) {}

  Ending run(Connection& connection) {
    try {
      while (!(keyboard_.ended && keyboard_.typed.empty())) {
        if (!step(connection)) return Ending::Dropped;
      }
    } catch (const Failure& failure) {
      session_.trace.line(failure.what());
      return Ending::Dropped;
    }
    return Ending::Finished;
  }

  // Keeps reading the keyboard, so that Ctrl-] works without a connection as well.
  void pause(std::chrono::milliseconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    for (;;) {
      waiting_.send_if_due();
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      if (left <= 0ms || keyboard_.ended) return;
      pollfd entry{keyboard_.wants_more() ? keyboard_.fd : -1, POLLIN, 0};
      if (poll(&entry, 1, static_cast<int>(std::min(left, waiting_.remaining()).count())) > 0) {
        keyboard_.read();
      }
    }
  }

  // True once the guest's side has sent something over the present connection.
  bool received() const { return received_; }
  void forget_received() { received_ = false; }

 private:
  // False at the end of the stream.
  bool step(Connection& connection) {
    const bool buffered = connection.has_buffered();
    pollfd entries[2] = {{keyboard_.wants_more() ? keyboard_.fd : -1, POLLIN, 0},
                         {connection.fd(), POLLIN, 0}};
    if (!keyboard_.typed.empty()) entries[1].events |= POLLOUT;
    const auto timeout = buffered ? 0ms : waiting_.remaining();
    if (poll(entries, 2, static_cast<int>(timeout.count())) < 0 && errno != EINTR) {
      throw system_failure("poll", errno);
    }
    waiting_.send_if_due();
    if (entries[0].revents) keyboard_.read();
    if (!keyboard_.typed.empty()) {
      keyboard_.typed.erase(0, connection.write_some(keyboard_.typed, 0ms).value_or(0));
    }
    if (!buffered && !entries[1].revents) return true;
    char buffer[16384];
    const auto count = connection.read_some(buffer, sizeof buffer, 0ms);
    if (!count) return true;
    received_ = received_ || *count > 0;
    write_all(session_.terminal.out, {buffer, *count});
    return *count > 0;
  }

  Session& session_;
  Keyboard& keyboard_;
  KeepWaiting waiting_;
  bool received_ = false;
};

// The connection after a 200; nullopt with the reason in `refusal` when the server says no.
// Throws when it cannot be reached.
std::optional<Connection> open_console(Session& session, const std::string& url,
                                       std::string& refusal) {
  const Request where = resolve_url(session.settings, url);
  Connection connection = session.connector.open(where.targets);
  connection.write_all(fmt::format("CONNECT {} HTTP/1.0\r\ncontent-length: 0\r\n\r\n", where.path));
  const auto text = connection.read_http_head();
  const auto head = text ? parse_http_head(*text) : std::nullopt;
  if (!head) throw Failure("CLIENT_ERROR", {"the server did not answer"});
  if (head->status == 200) return connection;
  refusal = head->status == 404
                ? "The console is not available."
                : fmt::format("The server refused the console: {} {}", head->status, head->reason);
  return std::nullopt;
}

}  // namespace

Transfer run_console(Session& session, const cli::HttpConnect& command) {
  const auto tell = [&](const std::string& text) { write_all(session.terminal.err, text + '\n'); };
  Keyboard keyboard{session.terminal.in, {}, false};
  Relay relay(session, keyboard);
  std::optional<RawTerminal> raw;
  std::string refusal;
  auto pause = first_pause;
  for (;;) {
    try {
      auto connection = open_console(session, command.url, refusal);
      if (!connection) break;
      if (!raw) raw.emplace(session.terminal.in);
      relay.forget_received();
      if (relay.run(*connection) == Ending::Finished) {
        const bool on_terminal = raw->active();
        raw.reset();
        if (on_terminal) write_all(session.terminal.out, "\n");
        return Transfer::Done;
      }
      if (relay.received()) pause = first_pause;
    } catch (const Failure& failure) {
      // The first attempt tells at once; later ones are what the pauses are for.
      if (!raw) {
        tell("No connection to the console: " + failure.params().front());
        return Transfer::Failed;
      }
      refusal = "Lost the connection to the console.";
    }
    if (keyboard.ended) return Transfer::Done;
    if (pause > longest_pause) {
      if (refusal.empty()) refusal = "Lost the connection to the console.";
      break;
    }
    relay.pause(pause);
    if (keyboard.ended) return Transfer::Done;
    pause *= 2;
  }
  raw.reset();
  tell(refusal);
  return Transfer::Failed;
}

}  // namespace xcp::xe
