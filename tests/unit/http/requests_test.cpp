// SPDX-License-Identifier: GPL-2.0-or-later
// Requests and replies over real sockets: keep-alive, pipelining, framing, large replies, answers
// from other threads, clients that go away.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "client.hpp"

namespace xcp::http {
namespace {

// Exchanges on their way from the server to the test.
class Inbox {
 public:
  void put(std::shared_ptr<Exchange> exchange) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(exchange));
    changed_.notify_all();
  }
  std::shared_ptr<Exchange> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [&] { return !waiting_.empty(); }))
      throw std::runtime_error("no request came");
    auto exchange = std::move(waiting_.front());
    waiting_.pop_front();
    return exchange;
  }
  Handler handler() {
    return [this](std::shared_ptr<Exchange> exchange) { put(std::move(exchange)); };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Exchange>> waiting_;
};

Response text(std::string body) {
  Response response;
  response.append(std::move(body));
  return response;
}

class OverTransport : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(All, OverTransport,
                         testing::Values(Transport::Tcp, Transport::Tls, Transport::Unix),
                         [](const auto& instance) { return to_string(instance.param); });

TEST_P(OverTransport, KeepsTheConnection) {
  TestServer server(echo);
  Client client = server.connect(GetParam());
  for (int i = 0; i < 3; ++i) {
    const Reply reply = client.get(fmt::format("/{}", i));
    EXPECT_EQ(reply.status, 200u);
    EXPECT_EQ(reply.body, fmt::format("GET /{}\n", i));
    EXPECT_EQ(reply.header("Connection"), "keep-alive");
  }
  EXPECT_EQ(server.server().connections(), 1u);
  client.close();
  EXPECT_TRUE(eventually([&] { return server.server().connections() == 0; }));
}

TEST_P(OverTransport, TellsWhoAsks) {
  Inbox inbox;
  TestServer server(inbox.handler());
  Client client = server.connect(GetParam());
  client.send("GET / HTTP/1.1\r\n\r\n");
  const auto exchange = inbox.take();
  const Request& request = exchange->request();
  EXPECT_EQ(request.tls, GetParam() == Transport::Tls);
  EXPECT_EQ(request.unix_socket, GetParam() == Transport::Unix);
  if (GetParam() == Transport::Unix) {
    EXPECT_EQ(request.peer.pid, getpid());
    EXPECT_EQ(request.peer.uid, geteuid());
    EXPECT_EQ(request.remote_address, "");
  } else {
    EXPECT_EQ(request.remote_address, "127.0.0.1");
  }
  EXPECT_NE(request.connection, 0u);
}

TEST_P(OverTransport, AnswersPipelinedRequestsInOrder) {
  // Held back and answered by another thread, the last one first if it could.
  Inbox inbox;
  TestServer server(inbox.handler());
  Client client = server.connect(GetParam());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 10, 'b');
    requests +=
        fmt::format("POST /{} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", i, body.size(), body);
  }
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    const auto exchange = inbox.take();
    exchange->reply(
        text(fmt::format("{} {}", exchange->request().path, exchange->request().body.size())));
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.reply().body, fmt::format("/{} {}", i, i * 10));
}

TEST_P(OverTransport, ReadsRequestsByteByByte) {
  TestServer server(echo);
  Client client = server.connect(GetParam());
  const std::string request =
      "POST /slow HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
  for (const char c : request) ASSERT_TRUE(client.send({&c, 1}));
  EXPECT_EQ(client.reply().body, "POST /slow\nabcd");
  EXPECT_EQ(client.get("/next").body, "GET /next\n");
}

TEST_P(OverTransport, ReadsALargeBody) {
  TestServer server(echo, {}, [](const Request&) {
    return BodyDecision{BodyMode::Buffer, 64 << 20, 500};
  });
  Client client = server.connect(GetParam());
  const std::string body = pattern(8 << 20, 1);
  std::thread sender([&] {
    client.send(fmt::format("PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.size()));
    client.send(body);
  });
  sender.join();
  const Reply reply = client.reply();
  EXPECT_EQ(reply.body.size(), body.size() + 6);
  EXPECT_TRUE(reply.body == "PUT /\n" + body);
}

TEST_P(OverTransport, SendsManySharedFragments) {
  const auto fragment = std::make_shared<const std::string>(pattern(5000, 2));
  const auto empty = std::make_shared<const std::string>();
  std::string whole;
  for (int i = 0; i < 1000; ++i) whole += *fragment;
  TestServer server([&](const std::shared_ptr<Exchange>& exchange) {
    Response response;
    for (int i = 0; i < 1000; ++i) {
      response.body.push_back(empty);
      response.body.push_back(fragment);
    }
    exchange->reply(std::move(response));
  });
  Client client = server.connect(GetParam());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.get("/").body == whole);
  EXPECT_TRUE(eventually([&] { return fragment.use_count() == 1; }));
}

TEST_P(OverTransport, WaitsForASlowReader) {
  const std::string whole = pattern(20 << 20, 3);
  TestServer server(
      [&](const std::shared_ptr<Exchange>& exchange) { exchange->reply(text(whole)); });
  Client slow = server.connect(GetParam());
  slow.send("GET / HTTP/1.1\r\n\r\n");
  // Others are served while the slow one does not read.
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(server.connect(GetParam()).get("/").body == whole);
  EXPECT_TRUE(slow.reply().body == whole);
}

TEST_P(OverTransport, ClosesWhenAsked) {
  TestServer server(echo);
  for (const char* request :
       {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}) {
    Client client = server.connect(GetParam());
    client.send(request);
    const std::string all = client.receive_all();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
    EXPECT_NE(all.find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(all.ends_with("GET /\n"));
  }
}

TEST_P(OverTransport, AnswersAClientThatStoppedSending) {
  TestServer server(echo);
  Client client = server.connect(GetParam());
  client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /unfin");
  client.finish_sending();
  EXPECT_EQ(client.reply().body, "GET /1\n");
  EXPECT_EQ(client.reply().body, "GET /2\n");
  EXPECT_EQ(client.receive_all(), "");
}

TEST_P(OverTransport, NoticesAClientThatGoesAway) {
  Inbox inbox;
  TestServer server(inbox.handler());
  Client client = server.connect(GetParam());
  client.send("GET / HTTP/1.1\r\n\r\nGET /pipelined HTTP/1.1\r\n\r\n");
  const auto exchange = inbox.take();
  EXPECT_FALSE(exchange->client_gone());
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  exchange->on_gone([&] {
    const std::lock_guard lock(mutex);
    ++calls;
    changed.notify_all();
  });
  client.close();
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return calls == 1; }));
  }
  EXPECT_TRUE(exchange->client_gone());
  // Too late to wait for: told at once.
  bool told = false;
  exchange->on_gone([&] { told = true; });
  EXPECT_TRUE(told);
  exchange->reply(text("nobody listens"));
}

TEST_P(OverTransport, ForgetsTheCallbackAfterTheAnswer) {
  Inbox inbox;
  TestServer server(inbox.handler());
  Client client = server.connect(GetParam());
  client.send("GET / HTTP/1.1\r\n\r\n");
  const auto exchange = inbox.take();
  const auto token = std::make_shared<int>();
  exchange->on_gone([token] { FAIL() << "told after the answer"; });
  exchange->reply(text("x"));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(client.reply().body, "x");
  client.close();
  EXPECT_TRUE(eventually([&] { return server.server().connections() == 0; }));
}

TEST(Requests, AnswersHeadWithoutBody) {
  TestServer server(echo);
  Client client = server.connect();
  client.send("HEAD /abc HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\n\r\n");
  const Reply head = client.reply(true);
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.header("Content-Length"), "10");
  EXPECT_EQ(client.reply().body, "GET /next\n");
}

TEST(Requests, SendsNoBodyWhereNoneIsAllowed) {
  TestServer server([](const std::shared_ptr<Exchange>& exchange) {
    Response response = text("ignored");
    response.status = exchange->request().path == "/204" ? 204 : 304;
    exchange->reply(std::move(response));
  });
  Client client = server.connect();
  EXPECT_EQ(client.get("/204").status, 204u);
  const Reply reply = client.get("/304");
  EXPECT_EQ(reply.status, 304u);
  EXPECT_EQ(reply.header("Content-Length"), "");
}

TEST(Requests, LeavesOtherMethodsToTheHandler) {
  TestServer server(echo);
  Client client = server.connect();
  for (const char* method : {"OPTIONS", "DELETE", "BREW"}) {
    client.send(fmt::format("{} /x HTTP/1.1\r\n\r\n", method));
    EXPECT_EQ(client.reply().body, fmt::format("{} /x\n", method));
  }
}

TEST(Requests, KeepsHeadersOnOneLine) {
  TestServer server([](const std::shared_ptr<Exchange>& exchange) {
    Response response;
    response.headers = {
        {"X-A", "one\r\nSet-Cookie: evil=1"}, {"Content-Length", "77"}, {"Connection", "upgrade"}};
    exchange->reply(std::move(response));
  });
  Client client = server.connect();
  const Reply reply = client.get("/");
  EXPECT_EQ(reply.header("X-A"), "one  Set-Cookie: evil=1");
  EXPECT_EQ(reply.header("Set-Cookie"), "");
  EXPECT_EQ(reply.header("Content-Length"), "0");
  EXPECT_EQ(reply.header("Connection"), "keep-alive");
}

TEST(Requests, AsksForTheBodyWhenTheClientWaits) {
  TestServer server(echo);
  Client client = server.connect();
  client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.reply().status, 100u);
  client.send("abc");
  EXPECT_EQ(client.reply().body, "POST /\nabc");
  // Nothing to wait for.
  client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.reply().status, 200u);
}

TEST(Requests, DropsAnExchangeWith500) {
  TestServer server([](std::shared_ptr<Exchange> exchange) { exchange.reset(); });
  Client client = server.connect();
  EXPECT_EQ(client.get("/").status, 500u);
  EXPECT_EQ(client.get("/").status, 500u);
}

TEST(Requests, AnswersAThrowingHandlerWith500) {
  TestServer server([](const std::shared_ptr<Exchange>&) { throw std::runtime_error("handler"); },
                    {},
                    [](const Request& head) {
                      if (head.path == "/policy") throw std::runtime_error("policy");
                      return BodyDecision{};
                    });
  EXPECT_EQ(server.connect().get("/").status, 500u);
  EXPECT_EQ(server.connect().get("/policy").status, 500u);
}

TEST(Requests, TakesTheFirstAnswerOnly) {
  TestServer server([](const std::shared_ptr<Exchange>& exchange) {
    exchange->reply(text("first"));
    exchange->reply(text("second"));
    const UniqueFd fd = exchange->hijack("third");
    char byte;
    EXPECT_EQ(read(fd.get(), &byte, 1), 0);
  });
  Client client = server.connect();
  EXPECT_EQ(client.get("/").body, "first");
  EXPECT_EQ(client.get("/").body, "first");
}

TEST(Requests, AnswersFromManyThreads) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  Settings settings;
  settings.threads = 2;
  TestServer server(
      [&](std::shared_ptr<Exchange> exchange) {
        const std::lock_guard lock(mutex);
        threads.emplace_back([exchange = std::move(exchange)] { echo(exchange); });
      },
      settings);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(server.connect());
  for (int round = 0; round < 5; ++round) {
    for (auto& client : clients) client.send(fmt::format("GET /{} HTTP/1.1\r\n\r\n", round));
    for (auto& client : clients) EXPECT_EQ(client.reply().body, fmt::format("GET /{}\n", round));
  }
  const std::lock_guard lock(mutex);
  for (auto& thread : threads) thread.join();
}

TEST(Requests, RepliesBeforeALeftBodyAndCloses) {
  TestServer server(
      [](const std::shared_ptr<Exchange>& exchange) { exchange->reply(error_page(403, "No.")); },
      {},
      [](const Request&) {
        return BodyDecision{BodyMode::Leave, 0, 500};
      });
  Client client = server.connect();
  // Nothing announced, so nothing is left over and the connection goes on.
  EXPECT_EQ(client.get("/").status, 403u);
  // More than fits any socket buffer: the server must drain it for the reply to be readable.
  client.send("PUT / HTTP/1.1\r\nContent-Length: 33554432\r\n\r\n");
  ASSERT_TRUE(client.send(std::string(32 << 20, 'x')));
  const Reply reply = client.reply();
  EXPECT_EQ(reply.status, 403u);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(client.receive_all(), "");
}

}  // namespace
}  // namespace xcp::http
