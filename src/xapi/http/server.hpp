// SPDX-License-Identifier: GPL-2.0-or-later
// The HTTP server: accepts connections over TCP, TLS and unix sockets, reads requests within strict
// limits and hands each to one handler, together with the right to answer it once. It knows nothing
// of what requests mean. Idle connections and unanswered requests hold no thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "xapi/http/url.hpp"

namespace xcp::http {

struct Request {
  std::string method;  // as sent; compare with case
  std::string target;  // as sent
  std::string path;    // decoded, without the query; not resolved (see url.hpp)
  Fields query;
  Fields headers;
  Fields cookies;
  std::string body;  // empty with BodyMode::Leave
  // Body length announced by Content-Length. Without it and with `chunked` false there is no body.
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool http_1_0 = false;

  bool tls = false;
  bool unix_socket = false;
  PeerCredentials peer;          // of a unix socket
  std::string remote_address;    // IP address without port; empty for a unix socket
  std::uint64_t connection = 0;  // the same for all requests of one connection, never reused

  const std::string* header(std::string_view name) const { return find_header(headers, name); }
  const std::string* cookie(std::string_view name) const { return find_field(cookies, name); }
  // Query first, then cookies.
  const std::string* parameter(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  // Content-Length and Connection are written by the server and ignored here. Line breaks in values
  // become spaces.
  Fields headers;
  // Sent in order without being copied together; shared so that many replies can send the same
  // bytes. Not sent in answer to HEAD, only counted.
  std::vector<std::shared_ptr<const std::string>> body;
  bool close = false;  // ends the connection after this reply

  void append(std::string text) {
    body.push_back(std::make_shared<const std::string>(std::move(text)));
  }
};

// "Not Found" for 404; "Status" for numbers without a well-known phrase.
std::string_view reason_phrase(unsigned status);

// A small HTML page with the status, its phrase and one sentence (escaped here).
Response error_page(unsigned status, std::string_view sentence);

// "HTTP/1.1 200 OK\r\n...\r\n\r\n" for Exchange::hijack; no header is added to those given.
std::string response_head(unsigned status, const Fields& headers);

// One request and the right to answer it once. All functions may be called from any thread. The
// first reply or hijack counts, later ones are ignored. Dropped unanswered it answers 500.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const Request& request() const = 0;
  // The body, for handlers that want to own it; request().body is empty afterwards.
  virtual std::string take_body() = 0;

  // Returns at once; sending is the server's matter. Harmless when the client is gone.
  virtual void reply(Response response) = 0;

  // Ends HTTP on this connection: sends `head` as it is (may be empty; preceded by "100 Continue"
  // when the client expects it) and returns a blocking stream socket that carries the connection's
  // raw bytes from then on, beginning with what the client sent after the request's header (Leave)
  // or body (Buffer). TLS is taken care of. End of file on one side becomes end of file on the
  // other; closing the socket ends the connection after what was written to it is delivered.
  // Writing blocks while the client does not read. No deadlines apply. Throws Failure when
  // descriptors ran out; the exchange can still be answered then.
  virtual UniqueFd hijack(std::string_view head) = 0;

  // True once the client closed its sending side or the connection broke. A client that only
  // half-closed still gets the reply.
  virtual bool client_gone() const = 0;
  // Calls `callback` once when that happens, at once if it already did; on the I/O thread (or the
  // caller's): it must not block. Replaces an earlier callback. Not called after the answer.
  virtual void on_gone(std::function<void()> callback) = 0;
};

// What to do with a request's body.
enum class BodyMode {
  Buffer,  // the handler is called with the whole body
  Leave,   // the handler is called after the header; it may hijack and read the body itself. If it
           // replies instead while a body was announced, the connection is closed afterwards
};

struct BodyDecision {
  BodyMode mode = BodyMode::Buffer;
  std::uint64_t max_body_bytes = 300 * 1024;  // Buffer: more is answered with too_large_status
  unsigned too_large_status = 500;
};

// Called on the I/O thread with everything but the body. Must not block. An exception answers 500.
using BodyPolicy = std::function<BodyDecision(const Request& head)>;

// Called on the I/O thread (with Settings::threads > 1 on several at a time); must not block. An
// exception lets the exchange answer 500.
using Handler = std::function<void(std::shared_ptr<Exchange>)>;

struct Settings {
  std::size_t header_bytes = 64 * 1024;  // request line and headers; more is answered with 431
  std::size_t header_fields = 128;

  std::chrono::milliseconds header_timeout{10'000};  // TLS handshake; first to last header byte
  std::chrono::milliseconds body_timeout{30'000};    // for each body_progress_bytes of a body
  std::chrono::milliseconds write_timeout{60'000};   // without the client reading anything
  std::chrono::milliseconds idle_timeout{300'000};   // between requests
  std::chrono::milliseconds linger_timeout{5'000};   // for the client to close after the last reply
  std::size_t body_progress_bytes = 16 * 1024;

  std::size_t max_connections = 4096;  // hijacked ones included; more are refused with 503
  std::size_t unix_reserve = 64;       // of these, only for unix sockets
  std::uint64_t buffered_bodies_bytes = 256ull * 1024 * 1024;  // of all connections; above: 503

  unsigned threads = 1;        // for requests
  unsigned relay_threads = 1;  // for hijacked connections
};

// All functions may be called from any thread, one caller at a time.
class Server {
 public:
  Server(Settings settings, BodyPolicy policy, Handler handler);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Loads certificate chain and private key from one PEM file; later calls replace them for new
  // connections. Failures leave the former ones in place. Needed before the first TLS connection.
  void set_certificate(const std::string& pem_path);

  // Listening works before and after start(). All throw Failure.
  void listen_unix(const std::string& path, int mode, const std::string& group = {});
  // `address`: an IPv4 or IPv6 address, or empty for all of both. Port 0 picks a free one. Returns
  // the port. Never takes a port that somebody else listens on.
  std::uint16_t listen_tcp(const std::string& address, std::uint16_t port, bool tls);
  // Takes over a listening stream socket, as from socket activation.
  void listen_fd(UniqueFd listening, bool tls);
  // The first TCP port listened on; 0 without one.
  std::uint16_t port() const;

  void start();
  // Closes everything, answered or not, and joins the threads; not to be called from a handler.
  // Exchanges may outlive it.
  void stop();

  // Open connections, hijacked ones included.
  std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace xcp::http
