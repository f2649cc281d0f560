// SPDX-License-Identifier: GPL-2.0-or-later
// What the HTTP tests share: a blocking client over TCP, TLS or a unix socket, and a server on its
// own ports with a directory of its own. A client that waits longer than any test should fails the
// test.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "xapi/http/server.hpp"

namespace xcp::http {

struct Reply {
  unsigned status = 0;
  Fields headers;
  std::string body;
  std::string header(std::string_view name) const {
    const std::string* value = find_header(headers, name);
    return value == nullptr ? "" : *value;
  }
};

enum class Transport { Tcp, Tls, Unix };
std::string to_string(Transport transport);

class Client {
 public:
  // `receive_buffer_bytes`: 0 leaves the system's default.
  static Client tcp(std::uint16_t port, int receive_buffer_bytes = 0);
  static Client unix_socket(const std::string& path);
  // Speaks TLS on top of an established connection; trusts anything. `suites` as OpenSSL's lists
  // for TLS 1.2, and then nothing newer is offered.
  void start_tls(const char* suites = nullptr);
  std::string tls_suite() const;
  std::string peer_certificate_sha256() const;

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  int fd() const;
  // False when the server does not take it any more.
  bool send(std::string_view bytes);
  // Sends 'p's until the whole way to a reader that does not read is full; returns how many. With
  // TLS up to one record more than that may follow with the next send.
  std::size_t fill();
  // Up to `size` bytes; empty at the end; nullopt when the connection was reset.
  std::optional<std::string> receive(std::size_t size = 65536);
  std::string receive_exactly(std::size_t size);
  std::string receive_all();
  // The next reply with its body; status 0 when the connection ended instead. `head`: the reply to
  // a HEAD request, which has no body.
  Reply reply(bool head = false);
  Reply get(std::string_view target);
  // Ends the sending direction (with TLS: close_notify as well).
  void finish_sending();
  void close();
  // Closes so that the other side sees a reset.
  void abort();

 private:
  struct Tls;
  explicit Client(UniqueFd fd);
  UniqueFd fd_;
  std::unique_ptr<Tls> tls_;
  std::string buffered_;
};

// A server with a unix socket and one plain and one TLS port on loopback.
class TestServer {
 public:
  explicit TestServer(Handler handler, Settings settings = {}, BodyPolicy policy = {});
  ~TestServer();

  Client connect(Transport transport = Transport::Tcp) const;
  std::string socket_path() const { return directory_ + "/socket"; }
  std::string certificate_path() const { return directory_ + "/server.pem"; }
  const std::string& directory() const { return directory_; }
  std::uint16_t plain_port() const { return plain_port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  Server& server() { return *server_; }

 private:
  std::string directory_;
  std::unique_ptr<Server> server_;
  std::uint16_t plain_port_ = 0;
  std::uint16_t tls_port_ = 0;
};

// Answers 200 with method, path and body.
void echo(const std::shared_ptr<Exchange>& exchange);

// Looks at a condition again and again until it holds; false after twenty seconds. For what has no
// event to wait for.
bool eventually(const std::function<bool()>& condition);

// Bytes that repeat nowhere near, so that lost or swapped pieces show.
std::string pattern(std::size_t size, std::uint64_t seed);

std::string temporary_directory();
void remove_directory(const std::string& path);

}  // namespace xcp::http
