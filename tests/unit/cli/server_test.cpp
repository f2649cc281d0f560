// SPDX-License-Identifier: GPL-2.0-or-later
// The server's end of the protocol over a socket pair, and the client and the server together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/process.hpp"
#include "fake.hpp"
#include "xapi/cli/errors.hpp"
#include "xapi/cli/server.hpp"

namespace xcp::cli::testing {
namespace {

struct Pair {
  UniqueFd client, server;
  Pair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    client.reset(ends[0]);
    server.reset(ends[1]);
  }
};

std::string read_bytes(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const std::size_t count = read_some(fd, bytes.data() + have, size - have);
    if (count == 0) break;
    have += count;
  }
  bytes.resize(have);
  return bytes;
}

Message receive(int fd) {
  const auto size = decode_length(read_bytes(fd, 4));
  return decode(read_bytes(fd, static_cast<std::size_t>(size))).value();
}

void send(int fd, const Message& message) {
  write_all(fd, encode(message));
}

// Runs a command line of the server against what the test plays as client.
void converse(const std::string& body, const std::function<void(int)>& client,
              FakeHost* given = nullptr) {
  FakeHost own;
  FakeHost& host = given ? *given : own;
  Pair pair;
  std::thread server([&, fd = std::move(pair.server)]() mutable {
    FakeDoor door(host);
    serve(std::move(fd), body, false, door);
  });
  EXPECT_EQ(read_bytes(pair.client.get(), handshake_bytes), encode_handshake());
  client(pair.client.get());
  pair.client.reset();
  server.join();
}

TEST(CliServer, PrintsAndExits) {
  converse("help\nvm-start\nusername=root", [](int fd) {
    write_all(fd, encode_handshake());
    EXPECT_TRUE(std::holds_alternative<Print>(receive(fd)));
    EXPECT_EQ(receive(fd), Message(Exit{0}));
    EXPECT_EQ(read_bytes(fd, 1), "");
  });
}

TEST(CliServer, OtherMajorVersionsAreDropped) {
  converse("help", [](int fd) {
    write_all(fd, encode_handshake({1, 0}));
    EXPECT_EQ(read_bytes(fd, 1), "");
  });
}

TEST(CliServer, EmptyRequestIsASyntaxError) {
  converse("", [](int fd) {
    write_all(fd, encode_handshake());
    EXPECT_TRUE(std::holds_alternative<PrintStderr>(receive(fd)));
    EXPECT_EQ(receive(fd), Message(Exit{1}));
  });
}

TEST(CliServer, LoadTakesChunksUntilTheEnd) {
  FakeHost host;
  furnish(host);
  std::string content;
  host.on("host.license_add", [&](FakeHost&, const auto& args) {
    content = args.at(1).as_string();
    return model::Value();
  });
  converse(
      "host-license-add\nlicense-file=f\nusername=root\npassword=x",
      [](int fd) {
        write_all(fd, encode_handshake());
        EXPECT_EQ(receive(fd), Message(Load{"f"}));
        send(fd, Response::Wait);
        send(fd, Response::Ok);
        send(fd, Chunk{3});
        write_all(fd, "abc");
        send(fd, Chunk{0});
        send(fd, Chunk{1});
        write_all(fd, "d");
        send(fd, End{});
        EXPECT_EQ(receive(fd), Message(Exit{0}));
      },
      &host);
  EXPECT_EQ(content, "abcd");
}

TEST(CliServer, TooLongFilesEndTheCommand) {
  FakeHost host;
  furnish(host);
  converse(
      "host-license-add\nlicense-file=f\nusername=root\npassword=x",
      [](int fd) {
        write_all(fd, encode_handshake());
        EXPECT_EQ(receive(fd), Message(Load{"f"}));
        send(fd, Response::Ok);
        send(fd, Chunk{static_cast<std::int32_t>(max_load_bytes + 1)});
        EXPECT_TRUE(std::holds_alternative<PrintStderr>(receive(fd)));
        EXPECT_EQ(receive(fd), Message(Exit{1}));
      },
      &host);
}

TEST(CliServer, CommandsFromTheClientEndTheConversation) {
  FakeHost host;
  furnish(host);
  converse(
      "host-license-add\nlicense-file=f\nusername=root\npassword=x",
      [](int fd) {
        write_all(fd, encode_handshake());
        receive(fd);
        send(fd, Print{"no"});
        EXPECT_EQ(read_bytes(fd, 1), "");
      },
      &host);
  EXPECT_TRUE(host.changes.empty());
}

TEST(CliServer, ClientThatGoesAwayBeforeItsAnswerChangesNothing) {
  FakeHost host;
  furnish(host);
  converse(
      "vm-uninstall\nvm=database\nusername=root\npassword=x",
      [](int fd) {
        write_all(fd, encode_handshake());
        while (receive(fd) != Message(Prompt{})) {
        }
      },
      &host);
  EXPECT_TRUE(host.changes.empty());
}

TEST(CliServer, KnowsWhetherTheClientIsThere) {
  Pair pair;
  SocketTerminal terminal(std::move(pair.server), false);
  EXPECT_TRUE(terminal.connected());
  pair.client.reset();
  EXPECT_FALSE(terminal.connected());
}

// The real client against the real server half: a listener that does what the HTTP server will do.
class Together : public ::testing::Test {
 protected:
  void SetUp() override {
    furnish(host_);
    path_ = "/tmp/xe-cli-test-" + std::to_string(getpid());
    listener_ = listen_unix(path_, 0600);
    thread_ = std::thread([this] { accept_one(); });
  }
  void TearDown() override {
    thread_.join();
    unlink(path_.c_str());
  }

  void accept_one() {
    UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
    std::string head;
    while (!head.ends_with("\r\n\r\n")) head += read_bytes(fd.get(), 1);
    const auto at = head.find("content-length: ");
    const std::string body = read_bytes(fd.get(), std::stoul(head.substr(at + 16)));
    FakeDoor door(host_);
    serve(std::move(fd), body, false, door);
  }

  Outcome xe(const std::vector<std::string>& words) {
    Command command;
    command.argv = {"/usr/bin/env", "XE_SOCKET=" + path_, XE_PROGRAM};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    return xcp::run(command);
  }

  FakeHost host_;
  std::string path_;
  UniqueFd listener_;
  std::thread thread_;
};

TEST_F(Together, VmList) {
  const Outcome outcome = xe({"vm-list", "params=name-label", "power-state=halted"});
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_EQ(outcome.output, "name-label ( RW)    : database\n\n\n");
  EXPECT_EQ(outcome.errors, "");
}

TEST_F(Together, Failure) {
  const Outcome outcome = xe({"vm-start", "vm=nosuch"});
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.errors, "Error: No virtual machine fits.\n");
}

TEST_F(Together, Minimal) {
  const Outcome outcome = xe({"vm-list", "params=name-description", "--minimal"});
  EXPECT_EQ(outcome.output, ",,serves\\, pages\\\\\n");
}

}  // namespace
}  // namespace xcp::cli::testing
