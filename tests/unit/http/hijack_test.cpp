// SPDX-License-Identifier: GPL-2.0-or-later
// Connections taken over by their handler: early bytes, both directions at once, back-pressure, and
// every way to end, over each transport.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "client.hpp"

namespace xcp::http {
namespace {

constexpr std::string_view head = "HTTP/1.1 200 OK\r\n\r\n";

std::string read_exactly(int fd, std::size_t size) {
  std::string all(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const std::size_t n = read_some(fd, all.data() + have, size - have);
    if (n == 0) break;
    have += n;
  }
  all.resize(have);
  return all;
}

std::string read_to_end(int fd) {
  std::string all;
  char buffer[65536];
  while (const std::size_t n = read_some(fd, buffer, sizeof(buffer))) all.append(buffer, n);
  return all;
}

// A server whose every request is hijacked; the test holds the other end.
class Tunnel {
 public:
  explicit Tunnel(Transport transport, Settings settings = {})
      : server_(
            [this](const std::shared_ptr<Exchange>& exchange) {
              method_ = exchange->request().method;
              socket_.set_value(exchange->hijack(head));
            },
            settings,
            [](const Request&) {
              return BodyDecision{BodyMode::Leave, 0, 500};
            }),
        client_(server_.connect(transport)) {}

  // Sends a request with `early` right behind it and reads the head of the answer.
  UniqueFd open(std::string_view early = {}, std::string_view headers = {}) {
    client_.send(fmt::format("CONNECT /console HTTP/1.1\r\n{}\r\n{}", headers, early));
    UniqueFd socket = socket_.get_future().get();
    const std::string expected =
        (headers.empty() ? "" : "HTTP/1.1 100 Continue\r\n\r\n") + std::string(head);
    EXPECT_EQ(client_.receive_exactly(expected.size()), expected);
    return socket;
  }

  Client& client() { return client_; }
  TestServer& server() { return server_; }

 private:
  std::string method_;
  std::promise<UniqueFd> socket_;
  TestServer server_;
  Client client_;
};

class Hijack : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(All, Hijack,
                         testing::Values(Transport::Tcp, Transport::Tls, Transport::Unix),
                         [](const auto& instance) { return to_string(instance.param); });

TEST_P(Hijack, CarriesBytesBothWays) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  for (int i = 0; i < 10; ++i) {
    tunnel.client().send("ping");
    EXPECT_EQ(read_exactly(socket.get(), 4), "ping");
    write_all(socket.get(), "pong");
    EXPECT_EQ(tunnel.client().receive_exactly(4), "pong");
  }
}

TEST_P(Hijack, DeliversEarlyBytesFirst) {
  Tunnel tunnel(GetParam());
  const std::string early = pattern(50'000, 1);
  const UniqueFd socket = tunnel.open(early);
  tunnel.client().send("later");
  EXPECT_TRUE(read_exactly(socket.get(), early.size()) == early);
  EXPECT_EQ(read_exactly(socket.get(), 5), "later");
}

TEST_P(Hijack, AnswersExpectation) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open({}, "Expect: 100-continue\r\nContent-Length: 4\r\n");
  tunnel.client().send("body");
  EXPECT_EQ(read_exactly(socket.get(), 4), "body");
}

TEST_P(Hijack, MovesMuchBothWaysAtOnce) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  const std::string up = pattern(32 << 20, 2);
  const std::string down = pattern(32 << 20, 3);
  // TLS clients of OpenSSL use one thread; the plain ones can do both at once.
  if (GetParam() == Transport::Tls) {
    auto received =
        std::async(std::launch::async, [&] { return read_exactly(socket.get(), up.size()); });
    tunnel.client().send(up);
    EXPECT_TRUE(received.get() == up);
    std::thread writer([&] { write_all(socket.get(), down); });
    EXPECT_TRUE(tunnel.client().receive_exactly(down.size()) == down);
    writer.join();
    return;
  }
  auto received =
      std::async(std::launch::async, [&] { return read_exactly(socket.get(), up.size()); });
  std::thread writer([&] { write_all(socket.get(), down); });
  std::thread sender([&] { tunnel.client().send(up); });
  EXPECT_TRUE(tunnel.client().receive_exactly(down.size()) == down);
  EXPECT_TRUE(received.get() == up);
  writer.join();
  sender.join();
}

// Fills a socket until the whole way to a reader that does not read is full.
std::size_t fill(int fd, const std::string& piece) {
  std::size_t total = 0;
  for (;;) {
    const ssize_t n = send(fd, piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      total += static_cast<std::size_t>(n);
      continue;
    }
    // Full for now; given up when the server does not take anything for a while.
    pollfd item{fd, POLLOUT, 0};
    if (poll(&item, 1, 300) == 0) return total;
  }
}

TEST_P(Hijack, StopsTheOwnerWhenTheClientDoesNotRead) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  const std::string piece(1 << 16, 'p');
  const std::size_t total = fill(socket.get(), piece);
  // Socket buffers of the kernel; the server itself holds no more than one piece.
  EXPECT_LT(total, 32u << 20);
  EXPECT_EQ(tunnel.client().receive_exactly(total).size(), total);
}

TEST_P(Hijack, StopsTheClientWhenTheOwnerDoesNotRead) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  const std::size_t total = tunnel.client().fill();
  EXPECT_LT(total, 32u << 20);
  EXPECT_EQ(read_exactly(socket.get(), total).size(), total);
}

TEST_P(Hijack, ClosingTheSocketEndsTheConnectionAfterDelivery) {
  Tunnel tunnel(GetParam());
  const std::string last = pattern(4 << 20, 4);
  std::thread writer([&, socket = tunnel.open()]() mutable {
    write_all(socket.get(), last);
    socket.reset();
  });
  EXPECT_TRUE(tunnel.client().receive_all() == last);
  writer.join();
  tunnel.client().close();
  EXPECT_TRUE(eventually([&] { return tunnel.server().server().connections() == 0; }));
}

TEST_P(Hijack, DeliversTheAnswerThoughTheClientIsStillSending) {
  // As an upload that is refused half way: the owner answers and closes with input unread.
  Tunnel tunnel(GetParam());
  UniqueFd socket = tunnel.open();
  tunnel.client().send(std::string(100'000, 'u'));
  EXPECT_EQ(read_exactly(socket.get(), 10), "uuuuuuuuuu");
  write_all(socket.get(), "refused");
  socket.reset();
  EXPECT_EQ(tunnel.client().receive_exactly(7), "refused");
  EXPECT_TRUE(tunnel.client().send(std::string(4 << 20, 'u')));
  EXPECT_EQ(tunnel.client().receive_all(), "");
}

TEST_P(Hijack, ClosingTheClientEndsTheSocketAfterDelivery) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  const std::string last = pattern(1 << 20, 5);
  std::thread sender([&] {
    tunnel.client().send(last);
    tunnel.client().close();
  });
  EXPECT_TRUE(read_to_end(socket.get()) == last);
  sender.join();
}

TEST_P(Hijack, HalfClosedClientStillReads) {
  Tunnel tunnel(GetParam());
  UniqueFd socket = tunnel.open();
  tunnel.client().send("question");
  tunnel.client().finish_sending();
  EXPECT_EQ(read_to_end(socket.get()), "question");
  write_all(socket.get(), "answer");
  socket.reset();
  EXPECT_EQ(tunnel.client().receive_all(), "answer");
}

TEST_P(Hijack, HalfClosedOwnerStillReads) {
  Tunnel tunnel(GetParam());
  UniqueFd socket = tunnel.open();
  write_all(socket.get(), "answer");
  shutdown(socket.get(), SHUT_WR);
  EXPECT_EQ(tunnel.client().receive_all(), "answer");
  EXPECT_TRUE(tunnel.client().send("more"));
  EXPECT_EQ(read_exactly(socket.get(), 4), "more");
  // Closing altogether later is noticed as well, though the client says nothing.
  socket.reset();
  Settings settings;
  EXPECT_TRUE(eventually([&] {
    // The server lingers for the client; once that closes nothing is left.
    tunnel.client().close();
    return tunnel.server().server().connections() == 0;
  }));
}

TEST_P(Hijack, ResetClientEndsTheSocket) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  tunnel.client().abort();
  EXPECT_EQ(read_to_end(socket.get()), "");
  EXPECT_TRUE(eventually([&] {
    return send(socket.get(), "x", 1, MSG_NOSIGNAL) < 0 &&
           tunnel.server().server().connections() == 0;
  }));
}

TEST_P(Hijack, LingersForASilentClientOnlySoLong) {
  Settings settings;
  settings.linger_timeout = std::chrono::milliseconds(50);
  Tunnel tunnel(GetParam(), settings);
  UniqueFd socket = tunnel.open();
  socket.reset();
  // The client neither reads nor closes.
  EXPECT_TRUE(eventually([&] { return tunnel.server().server().connections() == 0; }));
}

TEST_P(Hijack, StoppingTheServerClosesBothEnds) {
  Tunnel tunnel(GetParam());
  const UniqueFd socket = tunnel.open();
  tunnel.server().server().stop();
  EXPECT_EQ(read_to_end(socket.get()), "");
  EXPECT_EQ(tunnel.client().receive().value_or(""), "");
}

}  // namespace
}  // namespace xcp::http
