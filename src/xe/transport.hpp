// SPDX-License-Identifier: GPL-2.0-or-later
// One stream to a server: unix socket, TCP or TLS, with time limits on every read and write. The
// certificate of the server is not checked unless a CA file is given, as the protocol has it.
// Failures are CLIENT_ERROR [sentence]. A Connection belongs to one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "xe/options.hpp"

namespace xcp::xe {

using Milliseconds = std::chrono::milliseconds;
inline constexpr Milliseconds forever{-1};

class Connection {
 public:
  // Takes over a connected socket.
  explicit Connection(UniqueFd socket);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // Opens TLS on the socket; nothing may have been sent before. `ca_file` empty: any certificate.
  void start_tls(const std::string& host, const std::string& ca_file);

  // Number of bytes, 0 at end of file, nullopt when the time passed without any.
  std::optional<std::size_t> read_some(char* buffer, std::size_t size,
                                       Milliseconds timeout = forever);
  std::optional<std::size_t> write_some(std::string_view bytes, Milliseconds timeout = forever);
  void write_all(std::string_view bytes);

  // `size` bytes, fewer only at end of file.
  std::string read_exactly(std::size_t size);

  // Up to and without the empty line that ends an HTTP head; what follows stays for read_some.
  // nullopt when the stream ends before.
  std::optional<std::string> read_http_head();

  // Tells the other end that nothing more comes.
  void finish();

  int fd() const;
  // True when read_some has something without asking the socket: poll() would not know.
  bool has_buffered() const;

 private:
  struct Tls;

  std::optional<std::size_t> read_raw(char* buffer, std::size_t size, Milliseconds timeout);

  UniqueFd socket_;
  std::unique_ptr<Tls> tls_;
  std::string unread_;
};

// Opens connections the way the settings say.
class Connector {
 public:
  Connector(std::string ca_file, std::function<void(const std::string&)> trace)
      : ca_file_(std::move(ca_file)), trace_(std::move(trace)) {}

  // The first target that answers; a Failure that names the reason for each when none does.
  Connection open(const std::vector<Target>& targets) const;

 private:
  Connection open_one(const Target& target) const;

  std::string ca_file_;
  std::function<void(const std::string&)> trace_;
};

}  // namespace xcp::xe
