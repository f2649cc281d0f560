// SPDX-License-Identifier: GPL-2.0-or-later
// The console on a pseudo terminal: raw mode, Ctrl-], reconnection, refusal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "fake_server.hpp"

namespace xcp::xe {
namespace {

using cli::Message;
using testing::EndsWith;
using testing::HasSubstr;

// xe on a terminal of its own.
class OnTerminal {
 public:
  explicit OnTerminal(const FakeServer& server) {
    int master = -1;
    pid_ = forkpty(&master, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      setenv("XE_SOCKET", server.socket_path().c_str(), 1);
      execl(XE_PROGRAM, "xe", "console", nullptr);
      _exit(99);
    }
    master_.reset(master);
  }
  ~OnTerminal() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void type(std::string_view text) { write_all(master_.get(), text); }

  // Everything shown until `text` has been seen, or the program has ended.
  std::string read_until(const std::string& text) {
    char buffer[1024];
    while (text.empty() || shown_.find(text) == std::string::npos) {
      const ssize_t count = read(master_.get(), buffer, sizeof buffer);
      if (count <= 0) break;
      shown_.append(buffer, static_cast<std::size_t>(count));
    }
    return shown_;
  }
  bool raw() const {
    termios mode{};
    tcgetattr(master_.get(), &mode);
    return !(mode.c_lflag & (ICANON | ECHO | ISIG)) && !(mode.c_oflag & OPOST);
  }
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd master_;
  std::string shown_;
};

struct Scripted {
  explicit Scripted(std::function<void(int, Peer&)> consoles)
      : server([this, consoles](int number, Peer& peer) {
          if (number > 0) return consoles(number, peer);
          peer.accept_command();
          peer.send(cli::HttpConnect{"/console?ref=1"});
          answer = peer.receive();
          peer.send(cli::Exit{*answer == Message(cli::Response::Ok) ? 0 : 1});
        }) {}
  std::optional<Message> answer;
  FakeServer server;
};

TEST(XeConsole, RelaysRawBytesUntilTheEscapeCharacter) {
  std::string request, typed;
  Scripted s([&](int, Peer& peer) {
    request = peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\nlogin: ");
    typed = peer.read_rest();
  });
  OnTerminal xe(s.server);
  EXPECT_THAT(xe.read_until("login: "), HasSubstr("login: "));
  EXPECT_TRUE(xe.raw());
  xe.type("a\x03\r\x1dz");
  xe.read_until("");
  EXPECT_EQ(xe.wait(), 0);
  s.server.wait();
  EXPECT_EQ(s.answer, Message(cli::Response::Ok));
  EXPECT_EQ(request, "CONNECT /console?ref=1 HTTP/1.0\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(typed, "a\x03\r");
}

TEST(XeConsole, TerminalIsRestored) {
  Scripted s([&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\nx>");
    peer.read_rest();
  });
  OnTerminal xe(s.server);
  xe.read_until("x>");
  ASSERT_TRUE(xe.raw());
  xe.type("\x1d");
  // The newline after the restoration comes out with output processing on again.
  EXPECT_THAT(xe.read_until("\r\n"), EndsWith("x>\r\n"));
  EXPECT_EQ(xe.wait(), 0);
}

TEST(XeConsole, DroppedConnectionsAreOpenedAgain) {
  std::string typed;
  Scripted s([&](int number, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    peer.write("[" + std::to_string(number) + "]");
    if (number < 3) return;
    typed = peer.read_rest();
  });
  OnTerminal xe(s.server);
  EXPECT_THAT(xe.read_until("[3]"), HasSubstr("[1][2][3]"));
  xe.type("here\x1d");
  xe.read_until("");
  EXPECT_EQ(xe.wait(), 0);
  s.server.wait();
  EXPECT_EQ(typed, "here");
}

TEST(XeConsole, EndsWhenTheConsoleIsGone) {
  Scripted s([&](int number, Peer& peer) {
    peer.read_head();
    peer.write(number == 1 ? "HTTP/1.1 200 OK\r\n\r\nbye" : "HTTP/1.1 404 Not Found\r\n\r\n");
  });
  OnTerminal xe(s.server);
  EXPECT_THAT(xe.read_until(""), HasSubstr("not available"));
  EXPECT_EQ(xe.wait(), 1);
  s.server.wait();
  EXPECT_EQ(s.answer, Message(cli::Response::Failed));
}

TEST(XeConsole, PipedInputEndsTheConsoleAtItsEnd) {
  std::string typed;
  Scripted s([&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    typed = peer.read_rest();
  });
  EXPECT_EQ(run_xe(s.server, {"console"}, "ls\n").status, 0);
  s.server.wait();
  EXPECT_EQ(typed, "ls\n");
}

}  // namespace
}  // namespace xcp::xe
