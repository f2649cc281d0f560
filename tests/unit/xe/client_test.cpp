// SPDX-License-Identifier: GPL-2.0-or-later
// The program xe, run against a scripted server: what reaches the server, what the user sees, and
// the exit status.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_server.hpp"

namespace xcp::xe {
namespace {

using cli::Message;
using testing::HasSubstr;
using testing::IsEmpty;

// A server that sends these commands.
FakeServer::Script sends(std::vector<Message> commands) {
  return [commands](int, Peer& peer) {
    peer.accept_command();
    for (const auto& command : commands) peer.send(command);
  };
}

TEST(XeClient, WordsReachTheServerAndTextTheUser) {
  std::string body;
  FakeServer server([&](int, Peer& peer) {
    body = peer.accept_command();
    peer.send(cli::Print{"line 1\nline 2\n"});
    peer.send(cli::PrintStderr{"no newline"});
    peer.send(cli::Debug{"hidden"});
    peer.send(cli::Exit{0});
  });
  const Ended ended = run_xe(server, {"vm-list", "name-label=ä b", "--minimal"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "line 1\nline 2\n\n");
  EXPECT_EQ(ended.err, "no newline");
  EXPECT_EQ(body, "vm-list\nname-label=ä b\n--minimal\nusername=root\npassword=null");
}

TEST(XeClient, ExitStatusIsTheServers) {
  FakeServer server(sends({cli::Exit{7}}));
  EXPECT_EQ(run_xe(server, {"x"}).status, 7);
}

TEST(XeClient, ErrorGivesTwoLinesAndGoesOn) {
  FakeServer server(
      sends({cli::Error{"SOME_CODE", {"a", "b"}}, cli::Print{"after"}, cli::Exit{1}}));
  const Ended ended = run_xe(server, {"x"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err, "Error code: SOME_CODE\nError parameters: a, b\n");
  EXPECT_EQ(ended.out, "after\n");
}

TEST(XeClient, LostConnection) {
  FakeServer server(sends({cli::Print{"a"}}));
  const Ended ended = run_xe(server, {"x"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "a\n");
  EXPECT_THAT(ended.err, HasSubstr("Lost the connection"));
}

TEST(XeClient, OtherServersAreRecognized) {
  const auto answering = [](std::string answer) {
    FakeServer server([answer](int, Peer& peer) {
      peer.read_request();
      peer.write(answer);
    });
    const Ended ended = run_xe(server, {"x"});
    EXPECT_EQ(ended.status, 1);
    return ended.err;
  };
  EXPECT_THAT(answering(""), HasSubstr("closed the connection"));
  EXPECT_THAT(answering("hTTp/1.0 500 Internal Server Error\r\n\r\n"), HasSubstr("HTTP error"));
  EXPECT_THAT(answering("SSH-2.0-OpenSSH_9.2\r\n" + std::string(40, 'x')),
              HasSubstr("no server for xe"));
  EXPECT_THAT(answering(cli::encode_handshake({1, 0})), HasSubstr("version 1.0"));
}

TEST(XeClient, AnswersInsteadOfCommandsAreProtocolErrors) {
  for (const Message& message : {Message(cli::Response::Ok), Message(cli::End{})}) {
    FakeServer server(sends({message, cli::Exit{0}}));
    const Ended ended = run_xe(server, {"x"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("Protocol error"));
  }
}

TEST(XeClient, GarbageAndHugeMessagesAreProtocolErrors) {
  const std::vector<std::string> samples = {std::string("\x04\0\0\0\x63\0\0\0", 8),
                                            "\xff\xff\xff\x7f"};
  for (const std::string& garbage : samples) {
    FakeServer server([&](int, Peer& peer) {
      peer.accept_command();
      peer.write(garbage);
    });
    const Ended ended = run_xe(server, {"x"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("Protocol error"));
  }
}

TEST(XeClient, NobodyListens) {
  const Ended ended = run_xe("/tmp", {"-p", "1", "x"}, {"XE_SOCKET=/tmp/xe-test-nobody.sock"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("/tmp/xe-test-nobody.sock"));
  EXPECT_THAT(ended.err, HasSubstr("127.0.0.1 port 1"));
}

TEST(XeClient, HomeFileVariablesAndXapiUrl) {
  std::string body;
  FakeServer server([&](int, Peer& peer) {
    body = peer.accept_command();
    peer.send(cli::Exit{0});
  });
  write_text(server.directory() + "/.xe", "username=filed\nextra=1\n");
  EXPECT_EQ(run_xe("/", {"vm-list"},
                   {"HOME=" + server.directory(), "XE_EXTRA_ARGS=--minimal,password=p\\,q",
                    "XAPI_URL=unix://" + server.socket_path(), "XAPI_USER=u", "XAPI_PASSWORD=w"})
                .status,
            0);
  EXPECT_EQ(body, "vm-list\n--minimal\nextra=1\nusername=filed\npassword=p,q");
}

TEST(XeClient, PasswordFile) {
  std::string body;
  FakeServer server([&](int, Peer& peer) {
    body = peer.accept_command();
    peer.send(cli::Exit{0});
  });
  write_text(server.directory() + "/pw", "me\nmine\n");
  EXPECT_EQ(run_xe(server, {"x", "-pwf", "pw"}).status, 0);
  EXPECT_EQ(body, "x\nusername=me\npassword=mine");
  const Ended missing = run_xe(server, {"x", "-pwf", "none"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("none"));
}

TEST(XeClient, UsageAndVersionNeedNoServer) {
  EXPECT_THAT(run_xe("/", {}, {}).out, HasSubstr("Usage: xe"));
  EXPECT_EQ(run_xe("/", {"--help"}, {}).status, 0);
  EXPECT_THAT(run_xe("/", {"-version"}, {}).out, HasSubstr("0.2"));
}

TEST(XeClient, DebugTracesWithoutThePassword) {
  FakeServer server(sends({cli::Debug{"from the server"}, cli::Exit{0}}));
  const Ended ended = run_xe(server, {"x", "--debug", "-pw", "geheim"});
  EXPECT_THAT(ended.err, HasSubstr("from the server"));
  EXPECT_THAT(ended.err, HasSubstr("Exit 0"));
  EXPECT_THAT(ended.err, testing::Not(HasSubstr("geheim")));
}

TEST(XeClient, DebugOnFailShowsOnlyAfterFailure) {
  FakeServer good(sends({cli::Exit{0}}));
  EXPECT_THAT(run_xe(good, {"x", "--debug-on-fail"}).err, IsEmpty());
  FakeServer bad(sends({cli::Exit{1}}));
  EXPECT_THAT(run_xe(bad, {"x", "--debug-on-fail"}).err, HasSubstr("Exit 1"));
}

TEST(XeClient, PromptSendsOneLine) {
  Message chunk, end;
  std::string typed;
  FakeServer server([&](int, Peer& peer) {
    peer.accept_command();
    peer.send(cli::Print{"Sure?"});
    peer.send(cli::Prompt{});
    chunk = peer.receive();
    typed = peer.read_exactly(static_cast<std::size_t>(std::get<cli::Chunk>(chunk).bytes));
    end = peer.receive();
    peer.send(cli::Exit{0});
  });
  EXPECT_EQ(run_xe(server, {"x"}, "yes\nrest").out, "Sure?\n");
  EXPECT_EQ(chunk, Message(cli::Chunk{3}));
  EXPECT_EQ(typed, "yes");
  EXPECT_EQ(end, Message(cli::End{}));
}

TEST(XeClient, LoadSendsANamedFile) {
  std::string content;
  FakeServer server([&](int, Peer& peer) {
    peer.accept_command();
    peer.send(cli::Load{"./f"});
    EXPECT_EQ(peer.receive(), Message(cli::Response::Ok));
    const Message chunk = peer.receive();
    content = peer.read_exactly(static_cast<std::size_t>(std::get<cli::Chunk>(chunk).bytes));
    EXPECT_EQ(peer.receive(), Message(cli::End{}));
    peer.send(cli::Exit{0});
  });
  write_text(server.directory() + "/f", std::string("a\0b\n", 4));
  EXPECT_EQ(run_xe(server, {"x", "file=f"}).status, 0);
  EXPECT_EQ(content, std::string("a\0b\n", 4));
}

TEST(XeClient, LoadOfWhatCannotBeReadFails) {
  for (const std::string& name : {std::string("missing"), std::string("/tmp")}) {
    FakeServer server([&](int, Peer& peer) {
      peer.accept_command();
      peer.send(cli::Load{name});
      EXPECT_EQ(peer.receive(), Message(cli::Response::Failed));
      peer.send(cli::Exit{1});
    });
    const Ended ended = run_xe(server, {"x", "file=" + name});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("Cannot read"));
  }
}

TEST(XeClient, FilesNobodyNamedAreRefused) {
  for (const Message& command :
       {Message(cli::Load{"/etc/hostname"}), Message(cli::HttpPut{"/etc/hostname", "/x"}),
        Message(cli::HttpGet{"stolen", "/x"})}) {
    std::string answer = "unset";
    FakeServer server([&](int number, Peer& peer) {
      ASSERT_EQ(number, 0) << "no second connection may be made";
      peer.accept_command();
      peer.send(command);
      answer = peer.read_rest();
    });
    const Ended ended = run_xe(server, {"x", "file=/etc/other"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("not named on the command line"));
    server.wait();
    EXPECT_EQ(answer, "");
    EXPECT_NE(access((server.directory() + "/stolen").c_str(), F_OK), 0);
  }
}

// `prepare` runs in the child, where only what is safe after a fork may be done: the server's
// thread may have held the allocator's lock.
pid_t start_xe(const FakeServer& server, const std::function<void()>& prepare) {
  setenv("XE_SOCKET", server.socket_path().c_str(), 1);
  const pid_t pid = fork();
  if (pid == 0) {
    prepare();
    execl(XE_PROGRAM, "xe", "x", nullptr);
    _exit(99);
  }
  unsetenv("XE_SOCKET");
  return pid;
}

TEST(XeClient, BrokenOutputPipeEndsTheClient) {
  FakeServer server([&](int, Peer& peer) {
    peer.accept_command();
    peer.send(cli::Print{"x"});
    peer.read_rest();  // until the client is gone
  });
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  const pid_t pid = start_xe(server, [&] { dup2(ends[1], 1); });
  close(ends[1]);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(XeClient, InterruptEndsWithStatusOne) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  FakeServer server([&](int, Peer& peer) {
    peer.accept_command();
    write_all(ready[1], "x");
    peer.read_rest();
  });
  const pid_t pid = start_xe(server, [] { signal(SIGINT, SIG_DFL); });
  char c = 0;
  ASSERT_EQ(read_some(ready[0], &c, 1), 1u);
  kill(pid, SIGINT);
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

}  // namespace
}  // namespace xcp::xe
