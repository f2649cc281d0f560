// SPDX-License-Identifier: GPL-2.0-or-later
// Programs that are stopped before their end: no process of theirs may be left.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"

namespace xcp {
namespace {

TEST(ProcessCancel, KillsTheProgramAndItsChildren) {
  UniqueFd grandchild;
  Command command;
  command.argv = {"sh", "-c", "sleep 1000 & echo $!; wait"};
  command.on_line = [&](const std::string& line) {
    grandchild.reset(static_cast<int>(syscall(SYS_pidfd_open, std::stoi(line), 0)));
  };
  command.cancelled = [&] { return static_cast<bool>(grandchild); };
  try {
    run(command);
    FAIL() << "ended by itself";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "TASK_CANCELLED");
  }
  ASSERT_TRUE(grandchild);
  // A descriptor of a process becomes readable when the process ends.
  EXPECT_TRUE(wait_readable(grandchild.get(), std::chrono::seconds(10)));
}

TEST(ProcessCancel, NotCancelledRunsToItsEnd) {
  Command command;
  command.argv = {"echo", "done"};
  command.cancelled = [] { return false; };
  EXPECT_EQ(run(command).output, "done\n");
}

}  // namespace
}  // namespace xcp
