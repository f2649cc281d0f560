// SPDX-License-Identifier: GPL-2.0-or-later
// See consoles.hpp. Input is read only when all output has been taken, so a user who sends and does
// not read costs nothing.
#include "hypervisor/sim/consoles.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/failure.hpp"

namespace xcp::hypervisor::sim {

Consoles::Consoles(Look look)
    : look_(std::move(look)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw system_failure("eventfd", errno);
  thread_ = std::thread([this] { run(); });
}

void Consoles::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  connections_.clear();
}

void Consoles::wake() {
  // Full means that a wake-up is pending already.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
}

UniqueFd Consoles::open(std::int64_t domid, std::unique_ptr<ConsoleSession> session) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_failure("socketpair", errno);
  UniqueFd user(ends[0]);
  auto connection = std::make_unique<Connection>();
  connection->domid = domid;
  connection->socket.reset(ends[1]);
  connection->session = std::move(session);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  {
    std::lock_guard lock(mutex_);
    arriving_.push_back(std::move(connection));
  }
  wake();
  return user;
}

void Consoles::receive(Connection& connection) {
  std::array<char, 4096> buffer;
  const ssize_t n = recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 ||
      !connection.session->take({buffer.data(), static_cast<std::size_t>(n)}, connection.out))
    connection.ended = true;
}

void Consoles::send(Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t n =
        ::send(connection.socket.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) connection.ended = true;
      return;
    }
    connection.out.erase(0, static_cast<std::size_t>(n));
  }
}

std::int64_t Consoles::follow_all() {
  std::int64_t wait_ms = -1;
  for (const auto& connection : connections_) {
    // A user who does not read sees the rest later.
    if (!connection->out.empty()) continue;
    const auto view = look_(connection->domid);
    if (!view) {
      connection->ended = true;
      continue;
    }
    const std::int64_t next_ms = connection->session->follow(*view, connection->out);
    if (next_ms >= 0) wait_ms = wait_ms < 0 ? next_ms : std::min(wait_ms, next_ms);
  }
  return wait_ms;
}

void Consoles::run() {
  std::vector<pollfd> items;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (auto& connection : arriving_) connections_.push_back(std::move(connection));
      arriving_.clear();
    }
    const std::int64_t wait_ms = follow_all();
    for (const auto& connection : connections_) send(*connection);
    std::erase_if(connections_, [](const auto& connection) { return connection->ended; });

    items.assign(1, {wake_.get(), POLLIN, 0});
    for (const auto& connection : connections_)
      items.push_back({connection->socket.get(),
                       static_cast<short>(connection->out.empty() ? POLLIN : POLLOUT), 0});
    if (poll(items.data(), items.size(), static_cast<int>(std::min<std::int64_t>(wait_ms, 60000))) <
        0)
      continue;
    if (items[0].revents != 0) {
      std::uint64_t count;
      [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof(count));
    }
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      if (items[i + 1].revents == 0) continue;
      if (connections_[i]->out.empty())
        receive(*connections_[i]);
      else
        send(*connections_[i]);
    }
  }
}

}  // namespace xcp::hypervisor::sim
