// SPDX-License-Identifier: GPL-2.0-or-later
// The file of what was asked for.
#include "ovs-integration/desired_state.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/fault.hpp"
#include "temporary_directory.hpp"

namespace xcp::network {
namespace {

class DesiredStateTest : public testing::Test {
 protected:
  const TemporaryDirectory directory;
  const std::string path = directory.path("networks.json");
};

TEST_F(DesiredStateTest, IsReadBackAsItWasSaved) {
  EXPECT_TRUE(StateFile(path).load().networks.empty());
  DesiredState desired;
  desired.networks["n"] = {{"n", "name", "xapi0", 9000, "eth1", true}, 1500};
  desired.ports["p"] = {{"p", "n", "vm", "0", "02:00:00:00:00:01", 1400, 77}, "vifp"};
  StateFile file(path);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  file.save(lock, desired);
  EXPECT_TRUE(lock.owns_lock());
  const DesiredState read = StateFile(path).load();
  EXPECT_EQ(read.networks.at("n").spec.uplink, "eth1");
  EXPECT_EQ(read.networks.at("n").uplink_mtu_before, 1500);
  EXPECT_EQ(read.ports.at("p").host_device, "vifp");
  EXPECT_EQ(read.ports.at("p").spec.rate_kbytes_per_s, 77);
}

TEST_F(DesiredStateTest, AFileThatCannotBeUnderstoodIsNamedAndKept) {
  for (const char* text : {"", "{", "[]", R"({"version":2})", R"({"version":1,"bridges":{}})"}) {
    { std::ofstream(path) << text; }
    const std::string failure = failure_of([&] { StateFile(path).load(); });
    EXPECT_NE(failure.find(path), std::string::npos) << failure;
    EXPECT_EQ(std::filesystem::file_size(path), std::string(text).size());
  }
}

TEST_F(DesiredStateTest, AFailedSaveSaysSoAndTheNextOneWorks) {
  StateFile file(directory.path("missing/networks.json"));
  std::mutex mutex;
  std::unique_lock lock(mutex);
  DesiredState desired;
  EXPECT_EQ(code_of([&] { file.save(lock, desired); }), "INTERNAL_ERROR");
  EXPECT_TRUE(lock.owns_lock());
  std::filesystem::create_directory(directory.path("missing"));
  file.save(lock, desired);
  EXPECT_TRUE(std::filesystem::exists(directory.path("missing/networks.json")));
}

TEST_F(DesiredStateTest, SavesAtTheSameTimeShareWrites) {
  StateFile file(path);
  std::mutex mutex;
  DesiredState desired;
  arm_faults("none=error");  // counts what is passed
  constexpr int savers = 64;
  std::vector<std::thread> threads;
  for (int i = 0; i < savers; ++i)
    threads.emplace_back([&, i] {
      const std::string uuid = "port " + std::to_string(i);
      std::unique_lock lock(mutex);
      desired.ports[uuid].spec.uuid = uuid;
      file.save(lock, desired);
      lock.unlock();
      EXPECT_TRUE(StateFile(path).load().ports.contains(uuid)) << "acknowledged and not there";
    });
  for (std::thread& thread : threads) thread.join();
  const std::size_t writes = faults_passed().size() / 2;
  arm_faults("");
  EXPECT_GE(writes, 1u);
  EXPECT_LE(writes, static_cast<std::size_t>(savers));
  EXPECT_EQ(StateFile(path).load().ports.size(), static_cast<std::size_t>(savers));
  RecordProperty("writes", static_cast<int>(writes));
}

}  // namespace
}  // namespace xcp::network
