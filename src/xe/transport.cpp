// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets and OpenSSL behind Connection. Sockets are non-blocking; waiting is poll() with what is
// left of the time limit.
#include "xe/transport.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/failure.hpp"

namespace xcp::xe {
namespace {

// A server that is starting may drop the first handshakes.
constexpr int tls_attempts = 5;
constexpr Milliseconds tls_retry_pause{200};
constexpr std::size_t max_head_bytes = 64 * 1024;

Failure client_error(std::string message) {
  return Failure("CLIENT_ERROR", {std::move(message)});
}

std::string error_text(int error) {
  return std::strerror(error);
}

class Deadline {
 public:
  explicit Deadline(Milliseconds timeout)
      : limited_(timeout >= Milliseconds::zero()),
        end_(std::chrono::steady_clock::now() + (limited_ ? timeout : Milliseconds::zero())) {}

  // False when the time passed before the socket was ready.
  bool wait(int fd, short events) const {
    for (;;) {
      pollfd entry{fd, events, 0};
      const int ready = poll(&entry, 1, remaining_ms());
      if (ready > 0) return true;
      if (ready == 0) return false;
      if (errno != EINTR) throw client_error("poll: " + error_text(errno));
    }
  }

 private:
  int remaining_ms() const {
    if (!limited_) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(end_ - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000'000));
  }

  bool limited_;
  std::chrono::steady_clock::time_point end_;
};

std::string tls_error_text() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "connection closed";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : fmt::format("OpenSSL error {:x}", code);
}

void set_nonblocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

UniqueFd connect_local(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw client_error("Socket path too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw client_error(fmt::format("Cannot connect to {}: {}", path, error_text(errno)));
  }
  return fd;
}

struct AddressList {
  addrinfo* first = nullptr;
  ~AddressList() {
    if (first) freeaddrinfo(first);
  }
};

UniqueFd connect_tcp(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  AddressList list;
  const int found = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list.first);
  if (found != 0) {
    throw client_error(fmt::format("Cannot find host {}: {}", host, gai_strerror(found)));
  }
  int error = ENOENT;
  for (const addrinfo* entry = list.first; entry; entry = entry->ai_next) {
    UniqueFd fd(socket(entry->ai_family, entry->ai_socktype | SOCK_CLOEXEC, entry->ai_protocol));
    if (fd && connect(fd.get(), entry->ai_addr, entry->ai_addrlen) == 0) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return fd;
    }
    error = errno;
  }
  throw client_error(
      fmt::format("Cannot connect to {} port {}: {}", host, port, error_text(error)));
}

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

struct Connection::Tls {
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;

  ~Tls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }

  // Runs one OpenSSL call until it is through. The call's positive result; 0 at end of file;
  // nullopt when the time passed.
  template <class Call>
  std::optional<std::size_t> run(int fd, Milliseconds timeout, Call call) {
    const Deadline deadline(timeout);
    for (;;) {
      ERR_clear_error();
      errno = 0;
      const int result = call();
      if (result > 0) return static_cast<std::size_t>(result);
      switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
          if (!deadline.wait(fd, POLLIN)) return std::nullopt;
          break;
        case SSL_ERROR_WANT_WRITE:
          if (!deadline.wait(fd, POLLOUT)) return std::nullopt;
          break;
        case SSL_ERROR_ZERO_RETURN:
          return 0;
        case SSL_ERROR_SYSCALL:
          throw client_error(errno != 0 ? error_text(errno) : "connection closed");
        default:
          throw client_error(tls_error_text());
      }
    }
  }

  void require_certificate(const std::string& host, const std::string& ca_file) {
    if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) {
      throw client_error(fmt::format("Cannot use the CA file {}: {}", ca_file, tls_error_text()));
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    if (is_address(host))
      X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str());
    else
      X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size());
  }
};

Connection::Connection(UniqueFd socket) : socket_(std::move(socket)) {
  set_nonblocking(socket_.get());
}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

int Connection::fd() const {
  return socket_.get();
}

bool Connection::has_buffered() const {
  return !unread_.empty() || (tls_ && SSL_has_pending(tls_->ssl));
}

void Connection::start_tls(const std::string& host, const std::string& ca_file) {
  auto tls = std::make_unique<Tls>();
  tls->context = SSL_CTX_new(TLS_client_method());
  tls->ssl = tls->context ? SSL_new(tls->context) : nullptr;
  if (!tls->ssl) throw client_error("TLS is not usable: " + tls_error_text());
  SSL_set_min_proto_version(tls->ssl, TLS1_2_VERSION);
  SSL_set_options(tls->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!ca_file.empty()) tls->require_certificate(host, ca_file);
  if (!is_address(host)) SSL_set_tlsext_host_name(tls->ssl, host.c_str());
  SSL_set_fd(tls->ssl, socket_.get());
  if (tls->run(socket_.get(), forever, [&] { return SSL_connect(tls->ssl); }) != 1) {
    throw client_error("connection closed");
  }
  tls_ = std::move(tls);
}

std::optional<std::size_t> Connection::read_raw(char* buffer, std::size_t size,
                                                Milliseconds timeout) {
  if (tls_) {
    const int most = static_cast<int>(std::min<std::size_t>(size, 1 << 30));
    return tls_->run(socket_.get(), timeout, [&] { return SSL_read(tls_->ssl, buffer, most); });
  }
  const Deadline deadline(timeout);
  for (;;) {
    const ssize_t count = recv(socket_.get(), buffer, size, 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) throw client_error(error_text(errno));
    if (!deadline.wait(socket_.get(), POLLIN)) return std::nullopt;
  }
}

std::optional<std::size_t> Connection::read_some(char* buffer, std::size_t size,
                                                 Milliseconds timeout) {
  if (unread_.empty()) return read_raw(buffer, size, timeout);
  const std::size_t count = std::min(size, unread_.size());
  std::memcpy(buffer, unread_.data(), count);
  unread_.erase(0, count);
  return count;
}

std::optional<std::size_t> Connection::write_some(std::string_view bytes, Milliseconds timeout) {
  if (tls_) {
    const int most = static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30));
    const auto count =
        tls_->run(socket_.get(), timeout, [&] { return SSL_write(tls_->ssl, bytes.data(), most); });
    if (count && *count == 0) throw client_error("connection closed");
    return count;
  }
  const Deadline deadline(timeout);
  for (;;) {
    const ssize_t count = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) throw client_error(error_text(errno));
    if (!deadline.wait(socket_.get(), POLLOUT)) return std::nullopt;
  }
}

void Connection::write_all(std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(*write_some(bytes));
}

std::string Connection::read_exactly(std::size_t size) {
  std::string bytes;
  char buffer[16384];
  while (bytes.size() < size) {
    const auto count = *read_some(buffer, std::min(sizeof buffer, size - bytes.size()));
    if (count == 0) break;
    bytes.append(buffer, count);
  }
  return bytes;
}

std::optional<std::string> Connection::read_http_head() {
  std::string bytes;
  char buffer[4096];
  for (;;) {
    const std::size_t count = *read_some(buffer, sizeof buffer);
    if (count == 0) return std::nullopt;
    bytes.append(buffer, count);
    // Some servers end lines with a bare line feed.
    const auto crlf = bytes.find("\r\n\r\n");
    const auto lf = bytes.find("\n\n");
    const auto end = std::min(crlf, lf);
    if (end != std::string::npos) {
      unread_.insert(0, bytes, end + (crlf < lf ? 4 : 2));
      bytes.resize(end);
      return bytes;
    }
    if (bytes.size() > max_head_bytes) throw client_error("The server's HTTP head is too long");
  }
}

void Connection::finish() {
  if (tls_) SSL_shutdown(tls_->ssl);
  shutdown(socket_.get(), SHUT_WR);
}

Connection Connector::open_one(const Target& target) const {
  if (target.kind == Target::Kind::Unix) return Connection(connect_local(target.host));
  for (int attempt = 1;; ++attempt) {
    Connection connection(connect_tcp(target.host, target.port));
    if (target.kind == Target::Kind::Tcp) return connection;
    try {
      connection.start_tls(target.host, ca_file_);
      return connection;
    } catch (const Failure& failure) {
      // Only a dropped connection may be cured by trying again.
      const std::string& reason = failure.params().front();
      const bool dropped = reason == "connection closed" || reason == error_text(ECONNRESET);
      if (!dropped || attempt == tls_attempts) {
        throw client_error(fmt::format("No secure connection to {} port {}: {}", target.host,
                                       target.port, reason));
      }
      poll(nullptr, 0, static_cast<int>(tls_retry_pause.count()));
    }
  }
}

Connection Connector::open(const std::vector<Target>& targets) const {
  std::string reasons;
  for (const Target& target : targets) {
    trace_("connecting to " + describe(target));
    try {
      return open_one(target);
    } catch (const Failure& failure) {
      trace_(failure.what());
      reasons += (reasons.empty() ? "" : "\n") + failure.params().front();
    }
  }
  throw client_error(reasons);
}

}  // namespace xcp::xe
