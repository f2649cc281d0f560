// SPDX-License-Identifier: GPL-2.0-or-later
// The server's end of a connection of xe: the protocol of base/cli_protocol.hpp over a blocking
// stream socket whose opening request has been read already. One thread a connection.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cli_protocol.hpp"
#include "base/fd.hpp"
#include "xapi/cli/api.hpp"

namespace xcp::cli {

// The words of the request's body: separated by line feeds, a carriage return at the end of a word
// dropped.
std::vector<std::string> words_of_body(std::string_view body);

class SocketTerminal : public Terminal {
 public:
  // `draws_progress`: the request had the header x-xe-terminal with "stderr" in it.
  SocketTerminal(UniqueFd socket, bool draws_progress)
      : socket_(std::move(socket)), draws_progress_(draws_progress) {}

  // Exchanges the handshake; false when the other end does not speak the protocol.
  bool greet();

  void print(std::string_view text) override;
  void print_stderr(std::string_view text) override;
  void error(const std::string& code, const std::vector<std::string>& params) override;
  void exit(int status) override;
  std::optional<std::string> load(const std::string& filename) override;
  std::string prompt() override;
  bool http_get(const std::string& filename, const std::string& url) override;
  bool http_put(const std::string& filename, const std::string& url) override;
  bool http_connect(const std::string& url) override;
  bool connected() override;
  bool draws_progress() const override { return draws_progress_; }

 private:
  void send(const Message& message);
  Message receive();
  std::string read(std::size_t size);
  // Ok or Failed; any number of Wait may come before.
  bool answer();
  // Chunks until End, of at most `limit` bytes together.
  std::string read_blob(std::size_t limit);

  UniqueFd socket_;
  bool draws_progress_;
};

// Serves one connection to its end. Never throws.
void serve(UniqueFd socket, std::string_view body, bool draws_progress, Door& door);

}  // namespace xcp::cli
