// SPDX-License-Identifier: GPL-2.0-or-later
// What the storage tests share: a temporary directory with a storage daemon's state in it, and
// reads and writes of disk content through QEMU's own tools.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/failure.hpp"
#include "sm/local_storage.hpp"

namespace xcp::sm::test {

inline constexpr std::int64_t MiB = std::int64_t{1} << 20;
inline constexpr std::int64_t GiB = std::int64_t{1} << 30;

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

// A block device over a file. `ok()` is false where the machine has no loop devices.
class LoopDevice {
 public:
  LoopDevice(const std::string& file, std::int64_t size);
  ~LoopDevice();
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  bool ok() const { return !device_.empty(); }
  const std::string& path() const { return device_; }

 private:
  std::string device_;
};

// Ends the running test: skipped, or failed when the environment's REQUIRE lists `what`.
#define XCP_CANNOT_RUN(what, why)                            \
  do {                                                       \
    if (::xcp::sm::test::required(what)) FAIL() << (why);    \
    GTEST_SKIP() << "NOT RUN (" << (what) << "): " << (why); \
  } while (false)
bool required(const std::string& what);

// A storage "daemon" in this process that can be started anew over the same state.
class World {
 public:
  World() { start(); }
  ~World();
  Storage& storage() { return *storage_; }
  Storage* operator->() { return storage_.get(); }
  LocalStorage& local() { return *storage_; }
  void start() { storage_ = make_local_storage(settings()); }
  void stop() { storage_.reset(); }
  void restart() {
    stop();
    start();
  }
  Settings settings();

  // An SR of type "file" in its own directory, made and plugged.
  SrSpec file_sr(const std::string& directory = "sr");
  SrSpec dummy_sr();
  // An SR of type "ext" on a loop device; no uuid when the machine has none.
  SrSpec ext_sr();
  // One of "file", "ext", "dummy".
  SrSpec sr_of_kind(const std::string& kind);

  TempDir dir;
  std::vector<std::string> reports;  // complete when stopped

 private:
  std::mutex reports_mutex_;
  std::unique_ptr<LocalStorage> storage_;
  std::vector<std::unique_ptr<LoopDevice>> devices_;
};

VdiSpec disk(std::int64_t size, const std::string& name = "disk");
VdiSpec named(const std::string& name);

// Content. `from_bytes` and `bytes` are multiples of 512.
void fill(const DiskSource& source, std::int64_t from_bytes, std::int64_t bytes, int pattern);
// Fails the test when the range does not hold the pattern.
void expect_pattern(const DiskSource& source, std::int64_t from_bytes, std::int64_t bytes,
                    int pattern);
// SHA-256 of what a guest would read.
std::string checksum(const DiskSource& source);
// True when qemu-img check finds neither errors nor leaks (raw images have none).
bool clean(const DiskSource& source);

// Files and directories below `path`, relative to it.
std::set<std::string> tree(const std::string& path);

// The code and the first parameters that `body` throws; "" when it throws nothing.
std::string failure_of(const std::function<void()>& body);

#define EXPECT_FAILURE(code, statement) \
  EXPECT_EQ((code), ::xcp::sm::test::failure_of([&] { statement; }))

}  // namespace xcp::sm::test
