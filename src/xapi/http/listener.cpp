// SPDX-License-Identifier: GPL-2.0-or-later
// See listener.hpp.
#include "xapi/http/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/failure.hpp"
#include "xapi/http/connection.hpp"
#include "xapi/http/tls.hpp"

namespace xcp::http {

namespace {

constexpr int accepts_per_turn = 64;
constexpr std::chrono::milliseconds rest_time{100};

// Refusals that are on their way at one time; beyond, connections are just closed.
constexpr std::uint64_t max_refusals = 64;

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    else
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  }
  return text;
}

void set_option(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof(value));
}

// Replies leave at once, and a client whose machine vanished is noticed within two minutes.
void tune(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

}  // namespace

Listener::Listener(std::shared_ptr<Core> core, std::shared_ptr<Loop> loop, UniqueFd listening,
                   bool unix_socket, bool tls)
    : core_(std::move(core)),
      loop_(std::move(loop)),
      listening_(std::move(listening)),
      timer_(loop_->io()),
      unix_socket_(unix_socket),
      tls_(tls) {}

Listener::~Listener() = default;

void Listener::start() {
  loop_->add(shared_from_this());
  watch_.emplace(loop_->io(), listening_.get());
  wait();
}

void Listener::close() {
  timer_.cancel();
  if (watch_) watch_->release();
  watch_.reset();
  listening_.reset();
}

void Listener::wait() {
  watch_->async_wait(asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error && self->watch_) self->accept_some();
                     });
}

void Listener::rest() {
  timer_.expires_after(rest_time);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->watch_) self->wait();
  });
}

void Listener::accept_some() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    UniqueFd socket(accept4(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      admit(std::move(socket), address_text(address));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    return rest();
  }
  wait();
}

void Listener::admit(UniqueFd socket, std::string remote_address) {
  Origin origin;
  origin.tls = tls_;
  origin.unix_socket = unix_socket_;
  origin.remote_address = std::move(remote_address);
  origin.connection = ++core_->last_connection;

  const Settings& settings = core_->settings;
  const std::size_t reserve = unix_socket_ ? 0 : settings.unix_reserve;
  const std::size_t limit =
      settings.max_connections > reserve ? settings.max_connections - reserve : 0;
  Share share(core_->connections);
  if (!share.raise(1, limit)) return refuse(std::move(socket), std::move(origin));
  try {
    if (unix_socket_) {
      origin.peer = peer_credentials(socket.get());
    } else {
      tune(socket.get());
    }
    const auto& loop = core_->loops[core_->next_loop++ % core_->loops.size()];
    auto connection = std::make_shared<Connection>(core_, loop, make_stream(std::move(socket)),
                                                   std::move(origin), std::move(share));
    loop->post([connection] { connection->start(); });
  } catch (const std::exception&) {
    // This connection can not be served (no certificate yet, no memory); others can.
  }
}

// A TLS client could read a refusal only after a handshake, which is the work to be avoided.
void Listener::refuse(UniqueFd socket, Origin origin) {
  if (tls_) return;
  Share share(core_->refusals);
  if (!share.raise(1, max_refusals)) return;
  auto connection = std::make_shared<Connection>(core_, loop_, make_plain_stream(std::move(socket)),
                                                 std::move(origin), std::move(share));
  connection->refuse(error_page(503, "The server has too many connections. Try again later."));
}

std::unique_ptr<Stream> Listener::make_stream(UniqueFd socket) const {
  if (!tls_) return make_plain_stream(std::move(socket));
  std::shared_ptr<const TlsContext> context;
  {
    const std::lock_guard lock(core_->mutex);
    context = core_->tls;
  }
  if (!context) throw internal_error("no certificate");
  return context->accept(std::move(socket));
}

}  // namespace xcp::http
