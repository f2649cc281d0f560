// SPDX-License-Identifier: GPL-2.0-or-later
// See exchange.hpp.
#include "xapi/http/exchange.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "base/failure.hpp"

namespace xcp::http {

ConnectionExchange::ConnectionExchange(std::shared_ptr<Connection> connection,
                                       std::shared_ptr<Loop> loop, std::uint64_t number,
                                       Request request, Share body_share)
    : connection_(std::move(connection)),
      loop_(std::move(loop)),
      number_(number),
      request_(std::move(request)),
      body_share_(std::move(body_share)) {}

ConnectionExchange::~ConnectionExchange() {
  if (!answered_) reply(error_page(500, "The server did not answer this request."));
}

bool ConnectionExchange::begin_answer() {
  std::function<void()> forgotten;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  if (answered_) return false;
  answered_ = true;
  forgotten = std::exchange(callback_, nullptr);
  return true;
}

void ConnectionExchange::reply(Response response) {
  if (!begin_answer()) return;
  loop_->post([connection = connection_, number = number_, response = std::move(response)] {
    connection->send(number, response);
  });
}

UniqueFd ConnectionExchange::hijack(std::string_view head) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw system_failure("socketpair", errno);
  UniqueFd theirs(pair[0]);
  UniqueFd ours(pair[1]);
  // A second answer gets a socket whose other end is closed.
  if (!begin_answer()) return theirs;
  loop_->post([connection = connection_, number = number_, head = std::string(head),
               local = std::move(ours)]() mutable {
    connection->hand_over(number, std::move(head), std::move(local));
  });
  return theirs;
}

void ConnectionExchange::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_) return;
    if (!gone_) {
      std::swap(callback_, callback);
      return;
    }
  }
  callback();
}

void ConnectionExchange::notify_gone() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    callback = std::exchange(callback_, nullptr);
  }
  if (callback) callback();
}

}  // namespace xcp::http
