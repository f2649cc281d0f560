// SPDX-License-Identifier: GPL-2.0-or-later
// Listening, starting and stopping.
#include "xapi/http/server.hpp"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "base/failure.hpp"
#include "client.hpp"

namespace xcp::http {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Server make_server() {
  return Server(
      {}, [](const Request&) { return BodyDecision{}; }, echo);
}

std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "no failure";
}

TEST(Server, NeverTakesAPortInUse) {
  Server first = make_server();
  const std::uint16_t port = first.listen_tcp("127.0.0.1", 0, false);
  EXPECT_EQ(first.port(), port);
  Server second = make_server();
  EXPECT_THAT(failure_of([&] { second.listen_tcp("127.0.0.1", port, false); }),
              AllOf(HasSubstr("127.0.0.1:" + std::to_string(port)), HasSubstr("already"),
                    HasSubstr("ss -ltnp")));
  // Not under the name of all addresses either.
  EXPECT_THAT(failure_of([&] { second.listen_tcp("", port, false); }), HasSubstr("already"));
  EXPECT_EQ(second.port(), 0);
}

TEST(Server, NeverSharesAPortBoundForAll) {
  Server first = make_server();
  const std::uint16_t port = first.listen_tcp("", 0, false);
  Server second = make_server();
  for (const char* address : {"", "0.0.0.0", "127.0.0.1", "::1"})
    EXPECT_THAT(failure_of([&] { second.listen_tcp(address, port, false); }), HasSubstr("already"))
        << address;
}

TEST(Server, NamesAddressesItCanNotUse) {
  Server server = make_server();
  EXPECT_THAT(failure_of([&] { server.listen_tcp("nonsense", 0, false); }), HasSubstr("nonsense"));
  EXPECT_THAT(failure_of([&] { server.listen_tcp("192.0.2.1", 0, false); }),
              HasSubstr("no interface"));
}

TEST(Server, ListensOnBothProtocols) {
  Server server = make_server();
  const std::uint16_t port = server.listen_tcp("", 0, false);
  server.start();
  EXPECT_EQ(Client::tcp(port).get("/").status, 200u);
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const UniqueFd closer(fd);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

TEST(Server, SetsTheModeOfItsUnixSocket) {
  const std::string directory = temporary_directory();
  Server server = make_server();
  server.listen_unix(directory + "/socket", 0640);
  struct stat status {};
  ASSERT_EQ(stat((directory + "/socket").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  remove_directory(directory);
}

TEST(Server, TakesOverAListeningSocket) {
  const std::string directory = temporary_directory();
  Server server = make_server();
  server.start();
  server.listen_fd(xcp::listen_unix(directory + "/socket", 0600), false);
  EXPECT_EQ(Client::unix_socket(directory + "/socket").get("/").status, 200u);
  remove_directory(directory);
}

TEST(Server, RefusesWhatIsNoSocket) {
  Server server = make_server();
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const UniqueFd other(pipes[1]);
  EXPECT_THROW(server.listen_fd(UniqueFd(pipes[0]), false), Failure);
}

TEST(Server, DropsTlsClientsWithoutACertificate) {
  Server server = make_server();
  const std::uint16_t port = server.listen_tcp("127.0.0.1", 0, true);
  server.start();
  Client client = Client::tcp(port);
  EXPECT_EQ(client.receive().value_or(""), "");
}

TEST(Server, StopsWithoutHavingStarted) {
  Server server = make_server();
  server.listen_tcp("127.0.0.1", 0, false);
  server.stop();
  server.stop();
}

TEST(Server, StopClosesEverything) {
  std::promise<std::shared_ptr<Exchange>> asked;
  std::shared_ptr<Exchange> exchange;
  std::uint16_t port = 0;
  bool told = false;
  {
    TestServer server([&](std::shared_ptr<Exchange> e) { asked.set_value(std::move(e)); });
    port = server.plain_port();
    Client idle = server.connect();
    Client busy = server.connect();
    busy.send("GET / HTTP/1.1\r\n\r\n");
    exchange = asked.get_future().get();
    exchange->on_gone([&] { told = true; });
    server.server().stop();
    EXPECT_EQ(idle.receive().value_or(""), "");
    EXPECT_EQ(busy.receive().value_or(""), "");
    EXPECT_EQ(server.server().connections(), 0u);
    EXPECT_THROW(Client::tcp(port), Failure);
  }
  EXPECT_TRUE(told);
  EXPECT_TRUE(exchange->client_gone());
  // The exchange outlives the server and can still be answered, to nobody.
  const UniqueFd fd = exchange->hijack("x");
  char byte;
  EXPECT_EQ(read_some(fd.get(), &byte, 1), 0u);
}

TEST(ErrorPage, EscapesItsText) {
  const Response page = error_page(404, "<b> & \"x\"");
  EXPECT_EQ(page.status, 404u);
  EXPECT_THAT(*page.body.front(),
              AllOf(HasSubstr("404 Not Found"), HasSubstr("&lt;b&gt; &amp; &quot;x&quot;")));
}

TEST(ResponseHead, IsWhatGoesOnTheWire) {
  EXPECT_EQ(response_head(200, {{"A", "b"}, {"C", "d\r\ne"}}),
            "HTTP/1.1 200 OK\r\nA: b\r\nC: d  e\r\n\r\n");
}

}  // namespace
}  // namespace xcp::http
