// SPDX-License-Identifier: GPL-2.0-or-later
// A scripted server for the client's tests: listens on a unix socket of its own and runs the test's
// script for each connection in a thread. Also runs the real `xe` program against it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cli_protocol.hpp"
#include "base/fd.hpp"

namespace xcp::xe {

// The server's end of one connection. Reads that meet an early end of file give what there was.
class Peer {
 public:
  explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}

  std::string read_head();  // through the empty line
  std::string read_exactly(std::size_t size);
  std::string read_rest();
  void write(std::string_view bytes);

  cli::Message receive();
  void send(const cli::Message& message) { write(cli::encode(message)); }
  // The body of the opening request.
  std::string read_request();
  // The same, after which the handshake has been exchanged.
  std::string accept_command();
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
};

// Runs `script(n, peer)` for the n-th connection (from 0).
class FakeServer {
 public:
  using Script = std::function<void(int, Peer&)>;
  explicit FakeServer(Script script);
  ~FakeServer();

  const std::string& socket_path() const { return path_; }
  const std::string& directory() const { return directory_; }
  // All scripts have ended.
  void wait();

 private:
  void serve();

  std::string directory_, path_;
  UniqueFd listener_, stop_read_, stop_write_;
  Script script_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

struct Ended {
  int status = 0;
  std::string out, err;
};

// xe with these words, in `directory`, with nothing but `environment` set (NAME=value).
Ended run_xe(const std::string& directory, const std::vector<std::string>& words,
             const std::vector<std::string>& environment, const std::string& input = {});

// The same with XE_SOCKET pointing to the server, in the server's directory.
Ended run_xe(const FakeServer& server, const std::vector<std::string>& words,
             const std::string& input = {});

void write_text(const std::string& path, std::string_view text);

}  // namespace xcp::xe
