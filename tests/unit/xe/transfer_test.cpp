// SPDX-License-Identifier: GPL-2.0-or-later
// Uploads and downloads: requests on the second connection, redirects, files left behind or not,
// and the Wait answers during a slow transfer.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/failure.hpp"
#include "fake_server.hpp"
#include "xe/protocol.hpp"
#include "xe/transfer.hpp"

namespace xcp::xe {
namespace {

using cli::Message;
using testing::HasSubstr;

// Connection 0 is the conversation: `command`, then the answer is kept and Exit sent. Others are
// the test's.
class Scripted {
 public:
  Scripted(Message command, std::function<void(int, Peer&)> transfers)
      : server([this, command, transfers](int number, Peer& peer) {
          if (number > 0) return transfers(number, peer);
          peer.accept_command();
          peer.send(command);
          do answers.push_back(peer.receive());
          while (answers.back() == Message(cli::Response::Wait));
          peer.send(cli::Exit{answers.back() == Message(cli::Response::Ok) ? 0 : 3});
        }) {}

  std::string path(const std::string& name) const { return server.directory() + "/" + name; }
  Message answer() {
    server.wait();
    return answers.at(0);
  }

  std::vector<Message> answers;
  FakeServer server;
};

TEST(XeTransfer, DownloadMakesAPrivateFile) {
  std::string request;
  Scripted s(cli::HttpGet{"out", "/export?uuid=1&session_id=OpaqueRef:2"}, [&](int, Peer& peer) {
    request = peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\nx: y\r\n\r\n" + std::string(100000, 'd'));
  });
  EXPECT_EQ(run_xe(s.server, {"vm-export", "filename=out"}).status, 0);
  EXPECT_EQ(s.answer(), Message(cli::Response::Ok));
  EXPECT_EQ(request, "GET /export?uuid=1&session_id=OpaqueRef:2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(read_file(s.path("out")), std::string(100000, 'd'));
  struct stat status {};
  ASSERT_EQ(stat(s.path("out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST(XeTransfer, DownloadToStandardOutput) {
  Scripted s(cli::HttpGet{"", "/x"}, [&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\nraw\n");
  });
  // The empty name is the working directory itself, which downloads may name.
  const Ended ended = run_xe(s.server, {"x"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "raw\n");
}

TEST(XeTransfer, DownloadNeverOverwrites) {
  Scripted s(cli::HttpGet{"out", "/x"}, [&](int, Peer&) { ADD_FAILURE() << "must not connect"; });
  write_text(s.path("out"), "precious");
  const Ended ended = run_xe(s.server, {"x", "filename=out"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
  EXPECT_THAT(ended.err, HasSubstr("Cannot create out"));
  EXPECT_EQ(read_file(s.path("out")), "precious");
}

TEST(XeTransfer, RefusedDownloadLeavesNoFile) {
  Scripted s(cli::HttpGet{"out", "/x"}, [&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  const Ended ended = run_xe(s.server, {"x", "filename=out"});
  EXPECT_EQ(ended.status, 3) << "the server decides about the status";
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
  EXPECT_THAT(ended.err, HasSubstr("403 Forbidden"));
  EXPECT_FALSE(std::filesystem::exists(s.path("out")));
}

TEST(XeTransfer, CutDownloadLeavesNoFile) {
  Scripted s(cli::HttpGet{"out", "/x"}, [&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
  });
  EXPECT_EQ(run_xe(s.server, {"x", "filename=out"}).status, 3);
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
  EXPECT_FALSE(std::filesystem::exists(s.path("out")));
}

TEST(XeTransfer, RedirectsAreFollowed) {
  std::vector<std::string> requests;
  Scripted s(cli::HttpGet{"out", "/x"}, [&](int number, Peer& peer) {
    requests.push_back(peer.read_head());
    peer.write(number == 1 ? "HTTP/1.1 302 Found\r\nlocation: https://127.0.0.1/y?a=b\r\n\r\n"
                           : "HTTP/1.1 200 OK\r\n\r\nok");
  });
  EXPECT_EQ(run_xe(s.server, {"x", "filename=out"}).status, 0);
  EXPECT_EQ(s.answer(), Message(cli::Response::Ok));
  EXPECT_THAT(requests,
              testing::ElementsAre("GET /x HTTP/1.0\r\n\r\n", "GET /y?a=b HTTP/1.0\r\n\r\n"));
}

TEST(XeTransfer, EndlessRedirectsEnd) {
  Scripted s(cli::HttpGet{"out", "/x"}, [&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n");
  });
  EXPECT_EQ(run_xe(s.server, {"x", "filename=out"}).status, 3);
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
}

TEST(XeTransfer, UploadSendsTheFileWithItsLength) {
  std::string request, content;
  Scripted s(cli::HttpPut{"in", "/import?x=1"}, [&](int, Peer& peer) {
    request = peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    content = peer.read_rest();
  });
  std::string data(1 << 20, 'u');
  data[12345] = '\0';
  write_text(s.path("in"), data);
  EXPECT_EQ(run_xe(s.server, {"vm-import", "filename=in"}).status, 0);
  EXPECT_EQ(s.answer(), Message(cli::Response::Ok));
  EXPECT_EQ(request, "PUT /import?x=1 HTTP/1.0\r\nContent-length: 1048576\r\n\r\n");
  EXPECT_TRUE(content == data);
}

TEST(XeTransfer, UploadFromAPipeHasNoLength) {
  std::string request, content;
  Scripted s(cli::HttpPut{"/dev/stdin", "/import"}, [&](int, Peer& peer) {
    request = peer.read_head();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    content = peer.read_rest();
  });
  EXPECT_EQ(run_xe(s.server, {"vm-import", "filename=/dev/stdin"}, "piped").status, 0);
  EXPECT_EQ(request, "PUT /import HTTP/1.0\r\n\r\n");
  s.server.wait();
  EXPECT_EQ(content, "piped");
}

TEST(XeTransfer, UploadOfAMissingFile) {
  Scripted s(cli::HttpPut{"in", "/x"}, [&](int, Peer&) { ADD_FAILURE() << "must not connect"; });
  const Ended ended = run_xe(s.server, {"x", "filename=in"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
  EXPECT_THAT(ended.err, HasSubstr("Cannot read in"));
}

TEST(XeTransfer, RefusedUploadSendsNothing) {
  std::string content = "unset";
  Scripted s(cli::HttpPut{"in", "/x"}, [&](int, Peer& peer) {
    peer.read_head();
    peer.write("HTTP/1.1 500 Internal Error\r\n\r\n");
    content = peer.read_rest();
  });
  write_text(s.path("in"), "data");
  EXPECT_EQ(run_xe(s.server, {"x", "filename=in"}).status, 3);
  EXPECT_EQ(s.answer(), Message(cli::Response::Failed));
  EXPECT_EQ(content, "");
}

// In this process, with an interval short enough to be waited for: the server holds the transfer
// back until it has heard Wait twice.
TEST(XeTransfer, SlowTransfersSendWait) {
  int heard = 0;
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  FakeServer server([&](int number, Peer& peer) {
    if (number > 0) {
      peer.read_head();
      peer.write("HTTP/1.1 200 OK\r\n\r\n");
      char c = 0;
      read_some(go[0], &c, 1);
      peer.write("late");
      return;
    }
    peer.accept_command();
    while (heard < 2 && peer.receive() == Message(cli::Response::Wait)) ++heard;
    write_all(go[1], "x");
    peer.read_rest();
  });
  Settings settings;
  settings.url_target = Target{Target::Kind::Unix, server.socket_path(), 0};
  settings.words = {"x"};
  Trace trace(2, false, false);
  const Connector connector("", [](const std::string&) {});
  {
    Channel channel(connector.open(server_targets(settings)), trace);
    channel.open(settings);
    UniqueFd out(open(server.directory().c_str(), O_TMPFILE | O_RDWR, 0600));
    Session session{settings,
                    connector,
                    channel,
                    trace,
                    Terminal{0, out.get(), 2},
                    "/",
                    std::chrono::milliseconds(20)};
    EXPECT_EQ(download(session, cli::HttpGet{"", "/x"}), Transfer::Done);
    char text[8];
    EXPECT_EQ(pread(out.get(), text, sizeof text, 0), 4);
  }
  server.wait();
  EXPECT_EQ(heard, 2);
}

}  // namespace
}  // namespace xcp::xe
