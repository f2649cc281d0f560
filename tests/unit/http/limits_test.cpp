// SPDX-License-Identifier: GPL-2.0-or-later
// What the server refuses: too large, too slow, too many. Deadlines are short here, and every test
// waits for the server's reaction, not for time to pass.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <future>
#include <mutex>

#include "client.hpp"

namespace xcp::http {
namespace {

using std::chrono::milliseconds;

TEST(Limits, RefusesLargeHeaders) {
  TestServer server(echo);
  Client client = server.connect();
  client.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 10; ++i) client.send(fmt::format("X-{}: {}\r\n", i, std::string(8000, 'x')));
  EXPECT_EQ(client.reply().status, 431u);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Limits, RefusesLargeBodiesAsThePolicySays) {
  TestServer server(echo, {}, [](const Request& head) {
    if (head.path == "/large") return BodyDecision{BodyMode::Buffer, 1 << 20, 413};
    return BodyDecision{};
  });
  for (const auto& [path, size, status] : {std::tuple{"/", 307200, 200u},
                                           {"/", 307201, 500u},
                                           {"/large", 1 << 20, 200u},
                                           {"/large", (1 << 20) + 1, 413u}}) {
    Client client = server.connect();
    client.send(fmt::format("POST {} HTTP/1.1\r\nContent-Length: {}\r\n\r\n", path, size));
    EXPECT_TRUE(client.send(std::string(static_cast<std::size_t>(size), 'x')));
    EXPECT_EQ(client.reply().status, status) << path << " " << size;
  }
}

TEST(Limits, RefusesAHugeBodyReadably) {
  TestServer server(echo);
  Client client = server.connect();
  client.send(fmt::format("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", 100 << 20));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.send(piece));
  EXPECT_EQ(client.reply().status, 500u);
}

TEST(Limits, RefusesHugeChunkedBodies) {
  TestServer server(echo);
  Client client = server.connect();
  client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) client.send(chunk);
  EXPECT_EQ(client.reply().status, 500u);
}

TEST(Limits, RefusesMalformedRequests) {
  TestServer server(echo);
  for (const char* bad : {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"}) {
    Client client = server.connect();
    client.send(bad);
    const Reply reply = client.reply();
    EXPECT_EQ(reply.status, 400u);
    EXPECT_EQ(reply.header("Content-Type"), "text/html; charset=utf-8");
    EXPECT_NE(reply.body.find("400 Bad Request"), std::string::npos);
    EXPECT_EQ(client.receive_all(), "");
  }
}

TEST(Limits, AnswersWhatCameBeforeAMalformedRequest) {
  TestServer server(echo);
  Client client = server.connect();
  client.send("GET /good HTTP/1.1\r\n\r\nnonsense\r\n\r\nGET /never HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.reply().body, "GET /good\n");
  EXPECT_EQ(client.reply().status, 400u);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Limits, TimesOutSlowHeaders) {
  Settings settings;
  settings.header_timeout = milliseconds(100);
  TestServer server(echo, settings);
  Client client = server.connect();
  // Bytes that keep dripping do not help: the header as a whole has its deadline.
  const std::string drip = "GET / HTTP/1.1\r\nX: " + std::string(1 << 20, 'x');
  const auto begin = std::chrono::steady_clock::now();
  std::size_t sent = 0;
  while (sent < 60'000 && client.send(drip.substr(sent, 1))) {
    ++sent;
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(10)) break;
  }
  client.finish_sending();
  // Dripping as fast as this either meets the deadline or ends with an unfinished header.
  const Reply reply = client.reply();
  EXPECT_TRUE(reply.status == 408u || reply.status == 0u) << reply.status;

  Client stuck = server.connect();
  stuck.send("GET / HTTP/1.1\r\n");
  EXPECT_EQ(stuck.reply().status, 408u);
  EXPECT_EQ(stuck.receive_all(), "");
}

TEST(Limits, TimesOutTheHeaderOfALaterRequest) {
  Settings settings;
  settings.header_timeout = milliseconds(100);
  TestServer server(echo, settings);
  Client client = server.connect();
  EXPECT_EQ(client.get("/").status, 200u);
  client.send("GET /again HT");
  EXPECT_EQ(client.reply().status, 408u);
  Client pipelined = server.connect();
  pipelined.send("GET / HTTP/1.1\r\n\r\nGET /aga");
  EXPECT_EQ(pipelined.reply().status, 200u);
  EXPECT_EQ(pipelined.reply().status, 408u);
}

TEST(Limits, TimesOutSlowBodies) {
  Settings settings;
  settings.body_timeout = milliseconds(100);
  TestServer server(echo, settings);
  Client client = server.connect();
  client.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_EQ(client.reply().status, 408u);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Limits, TimesOutHandshakes) {
  Settings settings;
  settings.header_timeout = milliseconds(50);
  TestServer server(echo, settings);
  Client client = Client::tcp(server.tls_port());
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Limits, ClosesIdleConnections) {
  Settings settings;
  settings.idle_timeout = milliseconds(250);
  TestServer server(echo, settings);
  for (const Transport transport : {Transport::Tcp, Transport::Tls, Transport::Unix}) {
    Client fresh = server.connect(transport);
    EXPECT_EQ(fresh.receive_all(), "");
    Client used = server.connect(transport);
    EXPECT_EQ(used.get("/").status, 200u);
    EXPECT_EQ(used.receive_all(), "");
  }
}

TEST(Limits, DoesNotTimeOutWhileTheHandlerWorks) {
  Settings settings;
  settings.idle_timeout = settings.header_timeout = settings.body_timeout = settings.write_timeout =
      milliseconds(250);
  std::promise<std::shared_ptr<Exchange>> asked;
  TestServer server(
      [&](std::shared_ptr<Exchange> exchange) {
        if (exchange->request().path == "/wait") {
          asked.set_value(std::move(exchange));
        } else {
          echo(exchange);
        }
      },
      settings);
  Client client = server.connect();
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  const auto exchange = asked.get_future().get();
  // All deadlines of a connection opened later have passed, so those of this one have.
  EXPECT_EQ(server.connect().receive_all(), "");
  EXPECT_EQ(server.connect().receive_all(), "");
  EXPECT_FALSE(exchange->client_gone());
  exchange->reply(Response{});
  EXPECT_EQ(client.reply().status, 200u);
}

TEST(Limits, GivesUpOnAClientThatDoesNotRead) {
  Settings settings;
  settings.write_timeout = milliseconds(100);
  const auto body = std::make_shared<const std::string>(64 << 20, 'x');
  std::atomic<int> asked = 0;
  TestServer server(
      [&](const std::shared_ptr<Exchange>& exchange) {
        Response response;
        response.body.push_back(body);
        exchange->reply(std::move(response));
        ++asked;
      },
      settings);
  int expected = 0;
  for (const Transport transport : {Transport::Tcp, Transport::Tls, Transport::Unix}) {
    Client client = server.connect(transport);
    client.send("GET / HTTP/1.1\r\n\r\n");
    ++expected;
    EXPECT_TRUE(eventually([&] { return asked == expected; }));
    EXPECT_TRUE(eventually([&] { return server.server().connections() == 0; }));
    EXPECT_TRUE(eventually([&] { return body.use_count() == 1; }));
  }
}

TEST(Limits, RefusesMoreConnectionsButKeepsAReserve) {
  Settings settings;
  settings.max_connections = 5;
  settings.unix_reserve = 2;
  TestServer server(echo, settings);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.connect());
    EXPECT_EQ(clients.back().get("/").status, 200u);
  }
  Client refused = server.connect();
  EXPECT_EQ(refused.reply().status, 503u);
  EXPECT_EQ(refused.receive_all(), "");
  EXPECT_THROW(server.connect(Transport::Tls), std::exception);
  for (int i = 0; i < 2; ++i) {
    clients.push_back(server.connect(Transport::Unix));
    EXPECT_EQ(clients.back().get("/").status, 200u);
  }
  EXPECT_EQ(server.connect(Transport::Unix).reply().status, 503u);
  // Room again once one is gone.
  clients.erase(clients.begin());
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return server.server().connections() == 3; }));
  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return server.server().connections() == 2; }));
  EXPECT_EQ(server.connect().get("/").status, 200u);
}

TEST(Limits, LimitsTheMemoryOfAllBodies) {
  Settings settings;
  settings.buffered_bodies_bytes = 100'000;
  std::promise<std::shared_ptr<Exchange>> first;
  TestServer server(
      [&](std::shared_ptr<Exchange> exchange) {
        if (exchange->request().path == "/hold")
          first.set_value(std::move(exchange));
        else
          echo(exchange);
      },
      settings);
  const auto post = [](Client& client, std::string_view path, std::size_t size) {
    client.send(fmt::format("POST {} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", path, size,
                            std::string(size, 'x')));
  };
  Client holder = server.connect();
  post(holder, "/hold", 60'000);
  auto exchange = first.get_future().get();
  Client other = server.connect();
  post(other, "/", 60'000);
  EXPECT_EQ(other.reply().status, 503u);
  exchange.reset();
  EXPECT_EQ(holder.reply().status, 500u);
  Client again = server.connect();
  post(again, "/", 60'000);
  EXPECT_EQ(again.reply().status, 200u);
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t thread_count() {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("Threads:")) return std::stoul(line.substr(8));
  return 0;
}

TEST(Limits, ThousandWaitingClientsHoldNoThread) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 8192);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &descriptors), 0);
  ASSERT_GE(descriptors.rlim_cur, 2200u) << "the test needs two descriptors a connection";

  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> waiting;
  TestServer server([&](std::shared_ptr<Exchange> exchange) {
    if (exchange->request().path != "/wait") return echo(exchange);
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(exchange));
  });
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return waiting.size();
  };
  const std::size_t threads = thread_count();
  std::vector<Client> clients;
  const std::size_t before = resident_bytes();
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(server.connect());
    clients.back().send("GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return count() == 1000; }));
  const std::size_t each = (resident_bytes() - before) / clients.size();
  RecordProperty("bytes_per_waiting_client", static_cast<int>(each));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The test's own end of the connection included.
  EXPECT_LT(each, 8u * 1024);
#endif
  EXPECT_EQ(thread_count(), threads);
  // Others are served as ever.
  EXPECT_EQ(server.connect().get("/").status, 200u);
  {
    const std::lock_guard lock(mutex);
    for (const auto& exchange : waiting) exchange->reply(Response{});
    waiting.clear();
  }
  for (auto& client : clients) EXPECT_EQ(client.reply().status, 200u);
}

}  // namespace
}  // namespace xcp::http
