// SPDX-License-Identifier: GPL-2.0-or-later
// See server.hpp. Makes sockets listen and owns the loops; the rest is in Listener and Connection.
#include "xapi/http/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/failure.hpp"
#include "xapi/http/core.hpp"
#include "xapi/http/listener.hpp"
#include "xapi/http/loop.hpp"
#include "xapi/http/tls.hpp"

namespace xcp::http {

namespace {

constexpr int backlog = 1024;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address any_address(int family, std::uint16_t port) {
  Address address;
  if (family == AF_INET6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.size = sizeof(v6);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    address.size = sizeof(v4);
  }
  return address;
}

Address parse_address(const std::string& text, std::uint16_t port) {
  Address address = any_address(text.find(':') == std::string::npos ? AF_INET : AF_INET6, port);
  void* bytes =
      address.storage.ss_family == AF_INET
          ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(address.storage).sin_addr)
          : static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr);
  if (inet_pton(address.storage.ss_family, text.c_str(), bytes) != 1)
    throw internal_error("'" + text + "' is not an IP address to listen on");
  return address;
}

std::string endpoint_text(const std::string& address, std::uint16_t port) {
  if (address.empty()) return fmt::format("port {} of all addresses", port);
  return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                : fmt::format("[{}]:{}", address, port);
}

[[noreturn]] void listening_failed(const std::string& address, std::uint16_t port, int error) {
  const std::string what = "cannot listen on " + endpoint_text(address, port) + ": ";
  switch (error) {
    case EADDRINUSE:
      throw internal_error(what +
                           fmt::format("another program already does. See which with "
                                       "'ss -ltnp sport = :{}', and stop it or choose another "
                                       "port.",
                                       port));
    case EACCES:
      throw internal_error(what +
                           "ports below 1024 need the capability CAP_NET_BIND_SERVICE. Grant "
                           "it or choose another port.");
    case EADDRNOTAVAIL:
      throw internal_error(what + "no interface of this machine has that address.");
    default:
      throw internal_error(what + std::strerror(error) + ".");
  }
}

// SO_REUSEADDR only skips the waiting time of old connections; Linux never lets two sockets listen
// with it.
UniqueFd try_listen(const Address& address, int& error) {
  const int family = address.storage.ss_family;
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  const int no = 0;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  const bool both = family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      (both && setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) != 0) ||
      bind(fd.get(), address.get(), address.size) != 0 || listen(fd.get(), backlog) != 0) {
    error = errno;
    return {};
  }
  return fd;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  if (storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (storage.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

bool is_unix_socket(int fd) {
  int domain = 0;
  socklen_t size = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
    throw system_failure("not a socket to listen on", errno);
  return domain == AF_UNIX;
}

std::vector<std::shared_ptr<Loop>> make_loops(unsigned count) {
  std::vector<std::shared_ptr<Loop>> loops;
  for (unsigned i = 0; i < std::max(count, 1u); ++i) loops.push_back(std::make_shared<Loop>());
  return loops;
}

}  // namespace

struct Server::Impl {
  std::shared_ptr<Core> core = std::make_shared<Core>();
  std::atomic<std::uint16_t> port{0};
  bool started = false;
  bool stopped = false;
};

Server::Server(Settings settings, BodyPolicy policy, Handler handler)
    : impl_(std::make_unique<Impl>()) {
  Core& core = *impl_->core;
  core.settings = settings;
  core.policy = std::move(policy);
  core.handler = std::move(handler);
  core.loops = make_loops(settings.threads);
  core.relay_loops = make_loops(settings.relay_threads);
}

Server::~Server() {
  stop();
}

void Server::set_certificate(const std::string& pem_path) {
  auto context = std::make_shared<const TlsContext>(pem_path);
  const std::lock_guard lock(impl_->core->mutex);
  impl_->core->tls = std::move(context);
}

void Server::listen_unix(const std::string& path, int mode, const std::string& group) {
  listen_fd(xcp::listen_unix(path, mode, group), false);
}

std::uint16_t Server::listen_tcp(const std::string& address, std::uint16_t port, bool tls) {
  int error = 0;
  UniqueFd fd = try_listen(
      address.empty() ? any_address(AF_INET6, port) : parse_address(address, port), error);
  // A kernel without IPv6.
  if (!fd && address.empty() && (error == EAFNOSUPPORT || error == EADDRNOTAVAIL))
    fd = try_listen(any_address(AF_INET, port), error);
  if (!fd) listening_failed(address, port, error);
  const std::uint16_t bound = bound_port(fd.get());
  listen_fd(std::move(fd), tls);
  return bound;
}

void Server::listen_fd(UniqueFd listening, bool tls) {
  const bool unix_socket = is_unix_socket(listening.get());
  if (fcntl(listening.get(), F_SETFL, O_NONBLOCK) != 0) throw system_failure("fcntl", errno);
  if (!unix_socket) {
    std::uint16_t none = 0;
    impl_->port.compare_exchange_strong(none, bound_port(listening.get()));
  }
  const auto& loop = impl_->core->loops.front();
  auto listener = std::make_shared<Listener>(impl_->core, loop, std::move(listening), unix_socket,
                                             tls && !unix_socket);
  loop->post([listener] { listener->start(); });
}

std::uint16_t Server::port() const {
  return impl_->port;
}

void Server::start() {
  if (impl_->started || impl_->stopped) return;
  impl_->started = true;
  for (const auto& loop : impl_->core->relay_loops) loop->start();
  for (const auto& loop : impl_->core->loops) loop->start();
}

void Server::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  // Requests first: until then connections may still be handed to the relays.
  for (const auto* loops : {&impl_->core->loops, &impl_->core->relay_loops}) {
    for (const auto& loop : *loops) loop->stop();
    for (const auto& loop : *loops) loop->join();
  }
}

std::size_t Server::connections() const {
  return impl_->core->connections->load();
}

}  // namespace xcp::http
