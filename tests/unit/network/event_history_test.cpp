// SPDX-License-Identifier: GPL-2.0-or-later
// The history of events every contract's events() is made of.
#include "base/event_history.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "ovs-integration/network.hpp"

namespace xcp::network {
namespace {

using History = EventHistory<EventBatch>;
using std::chrono::milliseconds;

class Events : public testing::Test {
 protected:
  Events() : history(Event{0, "everything"}, 4) {
    epoch = history.read("", 0, milliseconds(0)).epoch;
  }
  std::string read(std::uint64_t after, milliseconds timeout = milliseconds(0)) {
    const EventBatch batch = history.read(epoch, after, timeout);
    std::string text = std::to_string(batch.last) + ":";
    for (const Event& event : batch.events) text += " " + std::to_string(event.id) + event.device;
    return text;
  }
  History history;
  std::string epoch;
};

TEST_F(Events, AreReadFromWhereTheReaderWas) {
  EXPECT_EQ(read(0), "0:");
  history.publish({0, "a"});
  history.publish({77, "b"});
  EXPECT_EQ(read(0), "2: 1a 2b");
  EXPECT_EQ(read(1), "2: 2b");
  EXPECT_EQ(read(2), "2:");
}

TEST_F(Events, WhoMissedSomeReadsEverything) {
  for (int i = 0; i < 6; ++i) history.publish({0, "x"});
  EXPECT_EQ(read(1), "6: 6everything");
  EXPECT_EQ(read(2), "6: 3x 4x 5x 6x");
  EXPECT_EQ(read(7), "6: 6everything");
  const EventBatch other = history.read("another epoch", 6, milliseconds(0));
  ASSERT_EQ(other.events.size(), 1u);
  EXPECT_EQ(other.events[0].device, "everything");
  EXPECT_EQ(other.epoch, epoch);
  history.publish_resync();
  EXPECT_EQ(read(6), "7: 7everything");
}

TEST_F(Events, AReaderWaitsForTheFirst) {
  std::thread writer([&] { history.publish({0, "late"}); });
  EXPECT_EQ(read(0, milliseconds(10000)), "1: 1late");
  writer.join();
  EXPECT_EQ(read(1, milliseconds(1)), "1:");
}

TEST_F(Events, ClosingLetsReadersGo) {
  std::thread closer([&] { history.close(); });
  EXPECT_EQ(read(0, std::chrono::hours(1)), "0:");
  closer.join();
  EXPECT_EQ(read(0, std::chrono::hours(1)), "0:");
}

}  // namespace
}  // namespace xcp::network
