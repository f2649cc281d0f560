// SPDX-License-Identifier: GPL-2.0-or-later
// The stream of a domain on its way: all of it arrives, but the end is held back.
#include "hypervisor/libxl/stream_pump.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>

namespace xcp::hypervisor::libxl {
namespace {

class Pump : public testing::Test {
 protected:
  Pump() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw system_failure("socketpair", errno);
    link = std::make_unique<MigrationLink>(UniqueFd(ends[0]));
    peer.reset(ends[1]);
    previous_ = signal(SIGPIPE, SIG_IGN);
  }
  ~Pump() override { signal(SIGPIPE, previous_); }

  std::unique_ptr<MigrationLink> link;
  UniqueFd peer;

 private:
  void (*previous_)(int);
};

TEST_F(Pump, TheLastBytesStayBehind) {
  std::string stream;
  for (int i = 0; stream.size() < 3'000'000; ++i) stream += std::to_string(i);
  auto received = std::async(std::launch::async, [this] {
    std::string all;
    char buffer[65536];
    while (const std::size_t n = read_some(peer.get(), buffer, sizeof(buffer)))
      all.append(buffer, n);
    return all;
  });
  StreamPump pump(*link);
  // In pieces of all sizes.
  for (std::size_t at = 0, size = 1; at < stream.size(); at += size, size = size * 3 % 70001 + 1)
    write_all(pump.input(), std::string_view(stream).substr(at, size));
  EXPECT_EQ(pump.finish(), stream.substr(stream.size() - end_of_stream_bytes));
  link->hang_up();
  EXPECT_EQ(received.get(), stream.substr(0, stream.size() - end_of_stream_bytes));
}

TEST_F(Pump, AShortStreamIsAllEnd) {
  StreamPump pump(*link);
  write_all(pump.input(), "12345");
  EXPECT_EQ(pump.finish(), "12345");
}

TEST_F(Pump, AReceiverThatIsGoneStopsTheWriter) {
  peer.reset();
  StreamPump pump(*link);
  const std::string piece(100000, 'x');
  EXPECT_THROW(
      {
        for (int i = 0; i < 1000; ++i) write_all(pump.input(), piece);
      },
      Failure);
  EXPECT_THROW(pump.finish(), PeerLost);
}

}  // namespace
}  // namespace xcp::hypervisor::libxl
