// SPDX-License-Identifier: GPL-2.0-or-later
// Fault injection: inert unless armed, exact about names and counts, and really deadly.
#include "base/fault.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp {
namespace {

int status_of_child(const char* faults) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("XCP_FAULT", faults, 1);
    try {
      fault_point("t.one");
      fault_point("t.two");
      fault_point("t.one");
    } catch (const Failure&) {
      _exit(3);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  if (WIFSTOPPED(status)) {
    const int stopped = status;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return stopped;
  }
  return status;
}

TEST(Fault, UnsetEnvironmentIsInert) {
  EXPECT_EQ(status_of_child(""), 0);
}

TEST(Fault, OtherNamesAreInert) {
  EXPECT_EQ(status_of_child("t.three=kill"), 0);
}

TEST(Fault, KillKills) {
  const int status = status_of_child("t.two=kill");
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(Fault, ErrorThrows) {
  EXPECT_EQ(WEXITSTATUS(status_of_child("t.one=error:2")), 3);
}

TEST(Fault, CountsBeyondTheLastPassingAreInert) {
  EXPECT_EQ(status_of_child("t.one=kill:3"), 0);
}

TEST(Fault, StopStops) {
  EXPECT_TRUE(WIFSTOPPED(status_of_child("t.two=stop")));
}

TEST(Fault, SeveralAtOnce) {
  EXPECT_TRUE(WIFSIGNALED(status_of_child("x=error,t.one=kill")));
}

TEST(Fault, TheTraceNamesEveryPlaceInOrder) {
  const std::string path = "/tmp/xcp-fault-trace-" + std::to_string(getpid());
  setenv("XCP_FAULT_TRACE", path.c_str(), 1);
  EXPECT_EQ(WEXITSTATUS(status_of_child("")), 0);
  EXPECT_TRUE(WIFSIGNALED(status_of_child("t.two=kill")));
  unsetenv("XCP_FAULT_TRACE");
  EXPECT_EQ(read_file(path), "t.one\nt.two\nt.one\nt.one\nt.two\n");
  unlink(path.c_str());
}

TEST(Fault, NamesPassedAreKeptWhileArmed) {
  arm_faults("none=error");
  fault_point("a");
  fault_point("b");
  fault_point("a");
  EXPECT_EQ(faults_passed(), (std::vector<std::string>{"a", "b", "a"}));
  arm_faults("");
  fault_point("a");
  EXPECT_TRUE(faults_passed().empty());
}

TEST(Fault, MalformedTextIsRefused) {
  EXPECT_THROW(arm_faults("a"), Failure);
  EXPECT_THROW(arm_faults("=kill"), Failure);
  EXPECT_THROW(arm_faults("a=explode"), Failure);
  EXPECT_THROW(arm_faults("a=kill:0"), Failure);
  EXPECT_THROW(arm_faults("a=kill:x"), Failure);
  arm_faults("");
}

}  // namespace
}  // namespace xcp
