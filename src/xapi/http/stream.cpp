// SPDX-License-Identifier: GPL-2.0-or-later
// The plain stream. Sends never raise SIGPIPE.
#include "xapi/http/stream.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/failure.hpp"

namespace xcp::http {

namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const override { return socket_.get(); }
  IoResult handshake() override { return {}; }
  bool has_buffered_input() const override { return false; }
  void close_writing() override { shutdown(socket_.get(), SHUT_WR); }

  IoResult read(char* buffer, std::size_t size) override {
    ssize_t n;
    do {
      n = recv(socket_.get(), buffer, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) return {IoStatus::Ok, static_cast<std::size_t>(n)};
    if (n == 0) return {IoStatus::End};
    return {errno == EAGAIN ? IoStatus::WantRead : IoStatus::Broken};
  }

  IoResult write(const iovec* parts, std::size_t count) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = std::min<std::size_t>(count, IOV_MAX);
    ssize_t n;
    do {
      n = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) return {IoStatus::Ok, static_cast<std::size_t>(n)};
    return {errno == EAGAIN ? IoStatus::WantWrite : IoStatus::Broken};
  }

 private:
  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(UniqueFd socket) {
  if (fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) throw system_failure("fcntl", errno);
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace xcp::http
