// SPDX-License-Identifier: GPL-2.0-or-later
// See link.hpp.
#include "link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace xcp::bench {

namespace {

SSL_CTX* tls_context() {
  static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  return context;
}

UniqueFd connect_loopback(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// The length announced in a reply's header, which must be of a success.
std::size_t body_length(std::string_view head) {
  if (!head.starts_with("HTTP/1.1 200 "))
    throw std::runtime_error("the server answers " + std::string(head.substr(0, head.find('\r'))));
  constexpr std::string_view name = "\r\nContent-Length: ";
  const auto at = head.find(name);
  std::size_t length = 0;
  const char* const digits = head.data() + at + name.size();
  if (at == std::string_view::npos ||
      std::from_chars(digits, head.data() + head.size(), length).ec != std::errc())
    throw std::runtime_error("a reply without Content-Length");
  return length;
}

}  // namespace

Link::Link(const std::string& address) {
  if (address.starts_with("unix:")) {
    auto fd = connect_unix(address.substr(5));
    if (!fd) throw std::runtime_error("nobody listens at " + address);
    fd_ = std::move(*fd);
    return;
  }
  if (!address.starts_with("tls:")) throw std::runtime_error("no such address: " + address);
  fd_ = connect_loopback(std::atoi(address.c_str() + 4));
  tls_ = SSL_new(tls_context());
  SSL_set_fd(tls_, fd_.get());
  if (SSL_connect(tls_) != 1) throw std::runtime_error("no TLS with " + address);
}

Link::~Link() {
  if (tls_ != nullptr) SSL_free(tls_);
}

Link::Link(Link&& other) noexcept
    : fd_(std::move(other.fd_)),
      tls_(std::exchange(other.tls_, nullptr)),
      buffer_(std::move(other.buffer_)) {}

void Link::send(std::string_view bytes) {
  if (tls_ == nullptr) return write_all(fd_.get(), bytes);
  if (SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())) <= 0)
    throw std::runtime_error("the server closed a connection while it was written to");
}

std::size_t Link::read(char* buffer, std::size_t size) {
  std::size_t n = 0;
  if (tls_ == nullptr)
    n = read_some(fd_.get(), buffer, size);
  else if (SSL_read_ex(tls_, buffer, size, &n) != 1)
    n = 0;
  if (n == 0) throw std::runtime_error("the server closed a connection");
  return n;
}

std::string_view Link::receive() {
  constexpr std::size_t first = 64 * 1024;
  if (buffer_.size() < first) buffer_.resize(first);
  std::size_t have = 0;
  std::size_t head = std::string::npos;
  while (head == std::string::npos) {
    if (have == buffer_.size()) throw std::runtime_error("a reply's header is too long");
    have += read(buffer_.data() + have, buffer_.size() - have);
    head = std::string_view(buffer_.data(), have).find("\r\n\r\n");
  }
  const std::size_t total = head + 4 + body_length({buffer_.data(), head});
  if (buffer_.size() < total) buffer_.resize(total);
  while (have < total) have += read(buffer_.data() + have, total - have);
  return {buffer_.data() + head + 4, total - head - 4};
}

std::string post(const std::string& path, std::string_view body) {
  std::string request = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n";
  request += body;
  return request;
}

}  // namespace xcp::bench
