// SPDX-License-Identifier: GPL-2.0-or-later
// The conversation with the server: opening request, handshake, then one command after another
// until Exit. Failures that end the client are thrown as CLIENT_ERROR [sentence].
#pragma once

#include <chrono>
#include <string>

#include "base/cli_protocol.hpp"
#include "xe/options.hpp"
#include "xe/trace.hpp"
#include "xe/transport.hpp"

namespace xcp::xe {

// The user's side.
struct Terminal {
  int in = 0;
  int out = 1;
  int err = 2;
};

// The messages of one connection on which a server speaks the command-line protocol.
class Channel {
 public:
  Channel(Connection connection, Trace& trace)
      : connection_(std::move(connection)), trace_(trace) {}

  // Sends the request and exchanges the handshake.
  void open(const Settings& settings);

  cli::Message receive();
  void send(const cli::Message& message);
  void send_bytes(std::string_view bytes);
  // Chunk, bytes, End.
  void send_blob(std::string_view bytes);
  bool knows_wait() const { return version_.knows_wait(); }

 private:
  std::string read(std::size_t size);

  Connection connection_;
  Trace& trace_;
  cli::ProtocolVersion version_;
};

// Everything a reaction to a command may need.
struct Session {
  const Settings& settings;
  const Connector& connector;
  Channel& channel;
  Trace& trace;
  Terminal terminal;
  std::string working_directory;
  // How often the server hears that a long transfer is still going on.
  std::chrono::milliseconds wait_interval = std::chrono::seconds(300);
};

// How a transfer ended; Refused ends the client with status 1.
enum class Transfer { Done, Failed, Refused };

// Sends Wait whenever the interval has passed.
class KeepWaiting {
 public:
  explicit KeepWaiting(Session& session) : session_(session) { restart(); }
  // Time until the next Wait is due.
  std::chrono::milliseconds remaining() const;
  void send_if_due();

 private:
  void restart() { due_ = std::chrono::steady_clock::now() + session_.wait_interval; }

  Session& session_;
  std::chrono::steady_clock::time_point due_;
};

// Serves commands until Exit; the exit status of the client.
int converse(Session& session);

}  // namespace xcp::xe
