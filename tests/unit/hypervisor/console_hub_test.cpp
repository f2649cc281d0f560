// SPDX-License-Identifier: GPL-2.0-or-later
// Consoles with several readers, back-log and slow readers, over a socket that plays QEMU.
#include "hypervisor/console_hub.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {
namespace {

using std::chrono::seconds;

// What arrives until `end` does; what came so far when nothing follows for long.
std::string read_until(int fd, const std::string& end) {
  std::string text;
  while (!text.ends_with(end)) {
    std::array<char, 65536> buffer;
    if (!wait_readable(fd, seconds(20))) return text + " [nothing follows]";
    const std::size_t n = read_some(fd, buffer.data(), buffer.size());
    if (n == 0) return text + " [end]";
    text.append(buffer.data(), n);
  }
  return text;
}

class ConsoleHubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/xcp-console-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory = name;
    listener = listen_unix(directory + "/qemu", 0600);
    hub.emplace(directory);
  }
  void TearDown() override {
    hub.reset();
    std::filesystem::remove_all(directory);
  }
  // Watches the guest and takes QEMU's end of the connection.
  UniqueFd watch(const std::string& uuid) {
    hub->watch(uuid, directory + "/qemu");
    return UniqueFd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  std::string directory;
  UniqueFd listener;
  std::optional<ConsoleHub> hub;
};

TEST_F(ConsoleHubTest, ReadersGetWhatWasPrintedBeforeAndAfter) {
  const UniqueFd qemu = watch("a");
  write_all(qemu.get(), "login: ");
  const UniqueFd first = hub->open("a");
  EXPECT_EQ(read_until(first.get(), "login: "), "login: ");
  write_all(first.get(), "root\n");
  EXPECT_EQ(read_until(qemu.get(), "root\n"), "root\n");
  write_all(qemu.get(), "Password: ");
  EXPECT_EQ(read_until(first.get(), "Password: "), "Password: ");
  const UniqueFd second = hub->open("a");
  EXPECT_EQ(read_until(second.get(), "Password: "), "login: Password: ");
  write_all(second.get(), "x");
  write_all(qemu.get(), "both");
  EXPECT_EQ(read_until(first.get(), "both"), "both");
  EXPECT_EQ(read_until(second.get(), "both"), "both");
}

TEST_F(ConsoleHubTest, TheRingHoldsTheLast64KiB) {
  const UniqueFd qemu = watch("a");
  const UniqueFd reader = hub->open("a");
  std::string printed;
  for (int i = 0; i < 50000; ++i) printed += std::to_string(i) + "\n";
  std::string got;
  for (std::size_t at = 0; at < printed.size(); at += 8192) {
    const std::string chunk = printed.substr(at, 8192);
    write_all(qemu.get(), chunk);
    got += read_until(reader.get(), chunk.substr(chunk.size() - 5));
  }
  EXPECT_EQ(got, printed) << "a reader that keeps up gets everything";
  const UniqueFd late = hub->open("a");
  const std::string remembered = read_until(late.get(), "49999\n");
  EXPECT_EQ(remembered.size(), RingFile::capacity);
  EXPECT_EQ(remembered, printed.substr(printed.size() - RingFile::capacity));
  EXPECT_LE(std::filesystem::file_size(directory + "/a.ring"), RingFile::capacity + 64);
}

TEST_F(ConsoleHubTest, ASlowReaderHoldsNobodyUpAndSkips) {
  const UniqueFd qemu = watch("a");
  const UniqueFd slow = hub->open("a");
  const UniqueFd quick = hub->open("a");
  for (int i = 0; i < 300; ++i) {
    write_all(qemu.get(), std::string(8191, 'x') + "\n");
    EXPECT_EQ(read_until(quick.get(), "\n").size() % 8192, 0u);
  }
  write_all(qemu.get(), "the end");
  EXPECT_TRUE(read_until(quick.get(), "the end").ends_with("the end"));
  const std::string late = read_until(slow.get(), "the end");
  EXPECT_TRUE(late.ends_with("the end"));
  EXPECT_LT(late.size(), 300u * 8192u) << "it lost what fell out of the ring";
}

TEST_F(ConsoleHubTest, TheRingOutlivesTheHub) {
  UniqueFd qemu = watch("a");
  write_all(qemu.get(), "before");
  EXPECT_EQ(read_until(hub->open("a").get(), "before"), "before");
  hub.emplace(directory);
  qemu = watch("a");
  write_all(qemu.get(), " and after");
  EXPECT_EQ(read_until(hub->open("a").get(), "after"), "before and after");
}

TEST_F(ConsoleHubTest, TheEndOfAGuestIsTheEndOfItsConsole) {
  UniqueFd qemu = watch("a");
  const UniqueFd reader = hub->open("a");
  write_all(qemu.get(), "power down");
  qemu.reset();
  EXPECT_EQ(read_until(reader.get(), "never"), "power down [end]");
  hub->forget("a");
  EXPECT_FALSE(std::filesystem::exists(directory + "/a.ring"));
  EXPECT_THROW(hub->open("a"), Failure);
  hub->forget("unknown");
}

TEST_F(ConsoleHubTest, ForgettingEndsReaders) {
  const UniqueFd qemu = watch("a");
  const UniqueFd other_qemu = watch("b");
  const UniqueFd reader = hub->open("a");
  const UniqueFd other = hub->open("b");
  write_all(qemu.get(), "last words");
  hub->forget("a");
  EXPECT_EQ(read_until(reader.get(), "never"), "last words [end]");
  write_all(other_qemu.get(), "still here");
  EXPECT_EQ(read_until(other.get(), "here"), "still here");
}

TEST_F(ConsoleHubTest, WhereNobodyListensThereIsNoConsole) {
  EXPECT_THROW(hub->watch("a", directory + "/nobody"), Failure);
  EXPECT_THROW(hub->open("a"), Failure);
}

TEST_F(ConsoleHubTest, AReaderThatLeavesIsForgotten) {
  const UniqueFd qemu = watch("a");
  for (int i = 0; i < 100; ++i) hub->open("a");
  write_all(qemu.get(), "hello");
  EXPECT_EQ(read_until(hub->open("a").get(), "hello"), "hello");
}

}  // namespace
}  // namespace xcp::hypervisor::libvirt
