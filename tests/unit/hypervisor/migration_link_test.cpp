// SPDX-License-Identifier: GPL-2.0-or-later
// What the ends of a migration say to each other, and the header before a guest's memory.
#include "hypervisor/migration_link.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypervisor/stream_header.hpp"

namespace xcp::hypervisor {
namespace {

struct Ends {
  Ends() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw system_failure("socketpair", errno);
    one.reset(ends[0]);
    other.reset(ends[1]);
  }
  UniqueFd one, other;
};

TEST(MigrationLink, WordsAreTakenOneByOneAndNothingBehindThem) {
  Ends ends;
  MigrationLink sender(std::move(ends.one)), receiver(std::move(ends.other));
  sender.say("ready");
  sender.send("memory");
  receiver.expect("ready");
  char buffer[16];
  EXPECT_EQ(read_some(receiver.fd(), buffer, sizeof(buffer)), 6u);
}

TEST(MigrationLink, AFailureArrivesUnchanged) {
  Ends ends;
  MigrationLink sender(std::move(ends.one)), receiver(std::move(ends.other));
  receiver.say_failed(Failure("HOST_NOT_ENOUGH_FREE_MEMORY", {"two\nlines", "\"1\""}));
  try {
    sender.expect("ready");
    FAIL() << "nothing was thrown";
  } catch (const PeerLost&) {
    FAIL() << "the other end has told why";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "HOST_NOT_ENOUGH_FREE_MEMORY");
    EXPECT_EQ(failure.params(), (std::vector<std::string>{"two\nlines", "\"1\""}));
  }
}

TEST(MigrationLink, AnEndThatIsGoneSilentOrTalksOfSomethingElseIsLost) {
  {
    Ends ends;
    MigrationLink link(std::move(ends.one));
    ends.other.reset();
    EXPECT_THROW(link.expect("go"), PeerLost);
    EXPECT_THROW(link.say("go"), PeerLost);
    link.say_failed(internal_error("nobody hears it"));
  }
  {
    Ends ends;
    MigrationLink link(std::move(ends.one), std::chrono::milliseconds(20));
    EXPECT_THROW(link.expect("go"), PeerLost);
  }
  for (const std::string& said : {std::string("gone\n"), std::string(100000, 'x')}) {
    Ends ends;
    MigrationLink link(std::move(ends.one));
    write_all(ends.other.get(), said);
    EXPECT_THROW(link.expect("go"), PeerLost);
  }
}

TEST(StreamHeader, OnlyAWholeOneOfTheFormatIsRead) {
  const std::string header = stream_header("XCPTEST1", "{\"a\":1}");
  ASSERT_EQ(header.size(), 8 + 4 + 7u);
  const auto read = [](const std::string& bytes, std::string_view format) {
    Ends ends;
    write_all(ends.one.get(), bytes);
    ends.one.reset();
    return read_stream_header(ends.other.get(), format);
  };
  EXPECT_EQ(read(header, "XCPTEST1"), "{\"a\":1}");
  EXPECT_EQ(read(header + "more", "XCPTEST1"), "{\"a\":1}");
  EXPECT_EQ(read(header, "XCPTEST2"), std::nullopt);
  for (std::size_t size = 0; size < header.size(); ++size)
    EXPECT_EQ(read(header.substr(0, size), "XCPTEST1"), std::nullopt) << size;
  std::string huge = header;
  huge[11] = 0x7f;
  EXPECT_EQ(read(huge, "XCPTEST1"), std::nullopt);
}

}  // namespace
}  // namespace xcp::hypervisor
