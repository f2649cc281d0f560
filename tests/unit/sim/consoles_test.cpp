// SPDX-License-Identifier: GPL-2.0-or-later
// Consoles as a terminal and as a viewer see them.
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/fd.hpp"
#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

// Reads until `wanted` has come; everything read so far. Fails the test after ten seconds or at the
// end of the stream.
class Terminal {
 public:
  explicit Terminal(UniqueFd fd) : fd_(std::move(fd)) {}

  bool wait_for(const std::string& wanted) {
    while (seen.find(wanted) == std::string::npos) {
      if (!read_more()) {
        ADD_FAILURE() << "\"" << wanted << "\" did not come; seen: " << seen;
        return false;
      }
    }
    return true;
  }
  std::string take(std::size_t size) {
    while (seen.size() < size)
      if (!read_more()) {
        ADD_FAILURE() << "only " << seen.size() << " bytes of " << size << " came";
        break;
      }
    std::string bytes = seen.substr(0, size);
    seen.erase(0, size);
    return bytes;
  }
  bool ends() {
    while (read_more()) {
    }
    return ended_;
  }
  void type(std::string_view text) { write_all(fd_.get(), text); }

  std::string seen;

 private:
  bool read_more() {
    if (ended_ || !wait_readable(fd_.get(), std::chrono::seconds(10))) return false;
    std::array<char, 65536> buffer;
    const std::size_t n = read_some(fd_.get(), buffer.data(), buffer.size());
    ended_ = n == 0;
    seen.append(buffer.data(), n);
    return n != 0;
  }
  UniqueFd fd_;
  bool ended_ = false;
};

TEST_F(SimTest, TheSerialLineShowsTheBootAsItComes) {
  sim->build(small_vm(uuid));
  Terminal terminal(sim->console(uuid, ConsoleKind::serial));
  sim->unpause(uuid);
  ASSERT_TRUE(terminal.wait_for("Simulated firmware"));
  EXPECT_EQ(terminal.seen.find("login:"), std::string::npos);
  advance(3);
  ASSERT_TRUE(terminal.wait_for("Linux version"));
  EXPECT_EQ(terminal.seen.find("login:"), std::string::npos);
  advance(60);
  ASSERT_TRUE(terminal.wait_for("Memory: 1024 MiB"));
  ASSERT_TRUE(terminal.wait_for("small-vm login: "));
}

TEST_F(SimTest, TheSerialLineEchoesAndAnswers) {
  start(small_vm(uuid));
  Terminal terminal(sim->console(uuid, ConsoleKind::serial));
  ASSERT_TRUE(terminal.wait_for("login: "));
  terminal.type("root\r");
  ASSERT_TRUE(terminal.wait_for("login: root\r\nPassword: "));
  terminal.type("secret\r");
  ASSERT_TRUE(terminal.wait_for("root@small-vm:~# "));
  EXPECT_EQ(terminal.seen.find("secret"), std::string::npos);
  terminal.type(
      "hostnamx\x7f"
      "e\r");
  ASSERT_TRUE(terminal.wait_for("\r\nsmall-vm\r\n"));
  terminal.type("nonsense\r");
  ASSERT_TRUE(terminal.wait_for("nonsense: command not found"));
  terminal.type("poweroff\r");
  ASSERT_TRUE(terminal.wait_for("Stopped target"));
  advance(30);
  EXPECT_TRUE(terminal.ends());
  EXPECT_EQ(events.all(), (std::vector<std::string>{"ended_shutdown " + uuid}));
}

TEST_F(SimTest, TheSerialLineOutlivesAReboot) {
  start(small_vm(uuid));
  Terminal terminal(sim->console(uuid, ConsoleKind::serial));
  ASSERT_TRUE(terminal.wait_for("login: "));
  terminal.seen.clear();
  sim->reset(uuid);
  ASSERT_TRUE(terminal.wait_for("Simulated firmware"));
  advance(60);
  ASSERT_TRUE(terminal.wait_for("login: "));
  sim->destroy(uuid);
  EXPECT_TRUE(terminal.ends());
}

std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

TEST_F(SimTest, VncSpeaksRfb38) {
  start(small_vm(uuid));
  Terminal viewer(sim->console(uuid, ConsoleKind::vnc));
  EXPECT_EQ(viewer.take(12), "RFB 003.008\n");
  viewer.type("RFB 003.008\n");
  EXPECT_EQ(viewer.take(2), "\x01\x01");
  viewer.type("\x01");
  EXPECT_EQ(viewer.take(4), std::string(4, '\0'));
  viewer.type("\x01");
  const std::string init = viewer.take(24);
  EXPECT_EQ(init.substr(0, 4), be16(640) + be16(480));
  EXPECT_EQ(init[4], 32);
  EXPECT_EQ(viewer.take(8), "Small VM");

  viewer.type(std::string("\x03\0", 2) + be16(600) + be16(0) + be16(100) + be16(2));
  const std::string head = viewer.take(16);
  EXPECT_EQ(head.substr(0, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(head.substr(4, 8), be16(600) + be16(0) + be16(40) + be16(2)) << "cut to the screen";
  EXPECT_EQ(head.substr(12), std::string(4, '\0'));
  const std::string pixels = viewer.take(40 * 2 * 4);
  EXPECT_EQ(pixels.substr(0, 4), std::string("\xff\xff\xff\0", 4)) << "the white frame";

  // 16 bits, big endian, 5-6-5; then keys, pointer, clipboard, encodings; then a picture again.
  std::string format("\0\0\0\0\x10\x10\x01\x01", 8);
  format += be16(31) + be16(63) + be16(31) + std::string("\x0b\x05\0\0\0\0", 6);
  viewer.type(format);
  viewer.type(std::string("\x04\x01\0\0\0\0\0\x61", 8) + std::string("\x05\0\0\1\0\1", 6));
  viewer.type(std::string("\x06\0\0\0\0\0\0\3abc", 11) + std::string("\x02\0\0\1\0\0\0\0", 8));
  viewer.type(std::string("\x03\0", 2) + be16(0) + be16(0) + be16(640) + be16(480));
  viewer.take(16);
  EXPECT_EQ(viewer.take(640 * 480 * 2).substr(0, 2), "\xff\xff");
}

TEST_F(SimTest, VncHangsUpOnNonsense) {
  start(small_vm(uuid));
  for (const std::string& nonsense :
       {std::string("GET / HTTP/1.0"), std::string("RFB 003.008\n\x09"),
        std::string("RFB 003.008\n\x01\x01\xff")}) {
    Terminal viewer(sim->console(uuid, ConsoleKind::vnc));
    viewer.take(12);
    viewer.type(nonsense);
    EXPECT_TRUE(viewer.ends());
  }
}

TEST_F(SimTest, ADomainWithoutVncSaysSo) {
  VmSpec spec = small_vm(uuid);
  spec.vnc = false;
  start(spec);
  EXPECT_EQ(code_of([&] { sim->console(uuid, ConsoleKind::vnc); }), "VALUE_NOT_SUPPORTED");
  Terminal terminal(sim->console(uuid, ConsoleKind::serial));
  EXPECT_TRUE(terminal.wait_for("login: "));
}

TEST_F(SimTest, ManyConsolesAndOneThatNeverReads) {
  start(small_vm(uuid));
  UniqueFd deaf = sim->console(uuid, ConsoleKind::vnc);
  std::string requests = "RFB 003.008\n\x01\x01";
  for (int i = 0; i < 1000; ++i)
    requests += std::string("\x03\0", 2) + be16(0) + be16(0) + be16(640) + be16(480);
  write_all(deaf.get(), requests);
  std::vector<std::unique_ptr<Terminal>> terminals;
  for (int i = 0; i < 50; ++i)
    terminals.push_back(std::make_unique<Terminal>(sim->console(uuid, ConsoleKind::serial)));
  for (const auto& terminal : terminals) EXPECT_TRUE(terminal->wait_for("login: "));
}

}  // namespace
}  // namespace xcp::hypervisor
