// SPDX-License-Identifier: GPL-2.0-or-later
// The parts that all kinds of SR share: the log, the memory of plugged SRs, cancellation, and the
// behaviour of a full state directory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "base/fd.hpp"
#include "base/ref.hpp"
#include "base/rpc.hpp"
#include "sm/client.hpp"
#include "sm/drivers.hpp"
#include "sm/record_log.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

// --- the log
// ---------------------------------------------------------------------------------------

class Log : public ::testing::Test {
 protected:
  std::unique_ptr<RecordLog> open(const std::string& header = "head",
                                  RecordLog::Stranger stranger = RecordLog::Stranger::refuse) {
    return std::make_unique<RecordLog>(path_, header, RecordLog::Keep::over_power_loss, stranger);
  }
  void append(const std::string& bytes) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << bytes;
  }
  TempDir dir_;
  std::string path_ = dir_ / "log";
};

TEST_F(Log, KeepsTheLastValueOfEachKey) {
  {
    auto log = open();
    log->put("a", 1);
    log->put("b", json::object{{"x", "y"}});
    log->put("a", 2);
    log->put("c", 3);
    log->flush(log->erase("c"));
  }
  const auto records = open()->records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records.at("a"), json::value(2));
  EXPECT_EQ(records.at("b").at("x"), json::value("y"));
}

TEST_F(Log, AHalfWrittenLineIsTheOnlyLoss) {
  open()->put("a", 1);
  append("{\"k\":\"b\",\"v\":2");
  auto log = open();
  EXPECT_EQ(log->records().size(), 1u);
  log->put("c", 3);
  EXPECT_EQ(open()->records().size(), 2u);
}

TEST_F(Log, DamageIsRefused) {
  open()->put("a", 1);
  append("nonsense\n");
  EXPECT_THROW(open(), Failure);
  append("{\"k\":\"b\",\"v\":2}\n");
  EXPECT_THROW(open(), Failure);
}

TEST_F(Log, StrangersAreRefusedOrDropped) {
  open("one")->put("a", 1);
  EXPECT_THROW(open("other"), Failure);
  EXPECT_EQ(open("one")->records().size(), 1u);
  EXPECT_TRUE(open("other", RecordLog::Stranger::drop)->records().empty());
  EXPECT_TRUE(open("other")->records().empty());
}

TEST_F(Log, HistoryIsForgotten) {
  auto log = open();
  for (int i = 0; i < 20000; ++i) log->put("key", i);
  EXPECT_LT(std::filesystem::file_size(path_), 100'000u);
  EXPECT_EQ(open()->records().at("key"), json::value(19999));
}

TEST_F(Log, ManyWritersShareTheirSyncs) {
  auto log = open();
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 16; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 20; ++i) log->flush(log->put(std::to_string(writer * 100 + i), i));
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(log->records().size(), 320u);
  EXPECT_EQ(open()->records().size(), 320u);
}

// --- data paths after the machine restarted
// --------------------------------------------------------

TEST(DataPathsKept, AnotherBootHasNone) {
  World world;
  const SrSpec sr = world.dummy_sr();
  const std::string vdi = world->vdi_create(sr.uuid, disk(MiB)).uuid;
  world->vdi_attach(sr.uuid, vdi, "p", true);
  world.stop();
  const std::string path = world.dir / "state/storage/datapaths.log";
  std::string log = read_file(path).value();
  const auto boot = log.find("\"boot\":\"");
  ASSERT_NE(boot, std::string::npos);
  log.replace(boot + 8, 4, "0000");
  std::ofstream(path) << log;
  world.start();
  EXPECT_TRUE(world->data_paths().empty());
  world->vdi_destroy(sr.uuid, vdi);
}

// --- storage that hangs
// ----------------------------------------------------------------------------

// Until opened, whoever comes waits.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return open_; });
  }
  void set(bool open) {
    std::lock_guard lock(mutex_);
    open_ = open;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = true;
};

// The file driver under another name, whose plug hangs while the gate is closed.
class HangingDriver : public Driver {
 public:
  HangingDriver(std::unique_ptr<Driver> driver, Gate& gate)
      : driver_(std::move(driver)), gate_(gate) {}
  DriverInfo info() const override {
    DriverInfo info = driver_->info();
    info.type = "hanging";
    return info;
  }
  std::vector<ProbeResult> probe(const Config& config) override { return driver_->probe(config); }
  void create(const SrSpec& spec, std::int64_t size) override { driver_->create(spec, size); }
  std::unique_ptr<Repository> plug(const SrSpec& spec) override {
    gate_.pass();
    return driver_->plug(spec);
  }
  void unplug(const SrSpec& spec) override { driver_->unplug(spec); }
  void destroy(const SrSpec& spec) override { driver_->destroy(spec); }

 private:
  std::unique_ptr<Driver> driver_;
  Gate& gate_;
};

TEST(HangingStorage, KeepsNobodyElseWaiting) {
  TempDir dir;
  Gate gate;
  const ReadyImages none("");
  const auto start = [&] {
    std::vector<std::unique_ptr<Driver>> drivers;
    drivers.push_back(make_file_driver(none));
    drivers.push_back(std::make_unique<HangingDriver>(make_file_driver(none), gate));
    return make_local_storage({dir / "state", "", {}}, std::move(drivers));
  };
  const SrSpec good{make_uuid(), "file", {{"location", dir / "good"}}, "", ""};
  const SrSpec hung{make_uuid(), "hanging", {{"location", dir / "hung"}}, "", ""};
  {
    const auto storage = start();
    for (const SrSpec& spec : {good, hung}) {
      storage->sr_create(spec, 0);
      storage->sr_plug(spec);
    }
  }
  gate.set(false);
  const auto storage = start();
  rpc::Server server(listen_unix(dir / "sock", 0600), rpc::methods_of<Storage>(*storage), "");
  const auto client = make_client(dir / "sock");
  client->vdi_create(good.uuid, disk(MiB));
  EXPECT_EQ(client->srs(), std::vector<std::string>{good.uuid});
  // A caller of the hung one waits, and is served when it comes back.
  auto scan =
      std::async(std::launch::async, [&] { return make_client(dir / "sock")->sr_scan(hung.uuid); });
  EXPECT_EQ(client->sr_scan(good.uuid).size(), 1u);
  gate.set(true);
  EXPECT_TRUE(scan.get().empty());
  EXPECT_EQ(client->srs().size(), 2u);
}

// --- long operations
// -------------------------------------------------------------------------------

class LongCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    sr_ = world_.file_sr();
    origin_ = world_->vdi_create(sr_.uuid, disk(192 * MiB)).uuid;
    fill(world_->vdi_attach(sr_.uuid, origin_, "p", true), 0, 192 * MiB, 1);
    world_->vdi_detach(sr_.uuid, origin_, "p");
    spec_ = named("copy");
    spec_.uuid = make_uuid();
  }
  std::future<std::string> copying() {
    return std::async(std::launch::async, [this] {
      return failure_of([&] { world_->vdi_copy(sr_.uuid, origin_, sr_.uuid, spec_); });
    });
  }
  void wait_until_it_runs() {
    while (failure_of([&] { world_->progress(spec_.uuid); }) == "VDI_MISSING")
      std::this_thread::yield();
  }

  World world_;
  SrSpec sr_;
  std::string origin_;
  VdiSpec spec_;
};

TEST_F(LongCopy, CanBeCancelled) {
  auto copy = copying();
  wait_until_it_runs();
  world_->cancel(spec_.uuid);
  EXPECT_EQ(copy.get(), "TASK_CANCELLED");
  EXPECT_EQ(tree(world_.dir / "sr/nodes").size(), 1u);
  EXPECT_EQ(world_->sr_scan(sr_.uuid).size(), 1u);
  // The name is free again.
  world_->vdi_copy(sr_.uuid, origin_, sr_.uuid, spec_);
}

TEST_F(LongCopy, TellsItsProgressAndHoldsNothingUp) {
  auto copy = copying();
  wait_until_it_runs();
  EXPECT_FAILURE("SR_BACKEND_FAILURE_43", world_->vdi_create(sr_.uuid, spec_));
  double last = 0;
  bool moved = false;
  while (copy.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
    // The SR, and readers of the same disk, go on.
    world_->sr_state(sr_.uuid);
    world_->vdi_attach(sr_.uuid, origin_, "reader", false);
    world_->vdi_detach(sr_.uuid, origin_, "reader");
    double now = 1;
    if (!failure_of([&] { now = world_->progress(spec_.uuid); }).empty()) break;
    EXPECT_GE(now, last);
    EXPECT_LE(now, 1);
    moved = moved || (now > 0 && now < 1);
    last = now;
  }
  EXPECT_EQ(copy.get(), "");
  EXPECT_TRUE(moved) << "no progress was seen between the beginning and the end";
  EXPECT_EQ(checksum(world_->vdi_source(sr_.uuid, spec_.uuid)),
            checksum(world_->vdi_source(sr_.uuid, origin_)));
}

TEST_F(LongCopy, EndsWithTheDaemon) {
  auto copy = copying();
  wait_until_it_runs();
  world_.local().stop();
  EXPECT_EQ(copy.get(), "TASK_CANCELLED");
  EXPECT_FAILURE("TASK_CANCELLED", world_->vdi_copy(sr_.uuid, origin_, sr_.uuid, spec_));
}

// --- no space
// --------------------------------------------------------------------------------------

class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::string& directory) : directory_(directory) {
    std::filesystem::create_directories(directory);
    ok = mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~SmallFileSystem() { umount2(directory_.c_str(), MNT_DETACH); }
  // Writes until nothing fits any more.
  void use_up() {
    const UniqueFd fd(open((directory_ + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string block(4096, 'x');
    while (write(fd.get(), block.data(), block.size()) > 0) {
    }
  }
  void make_room() { std::filesystem::remove(directory_ + "/filler"); }
  bool ok = false;

 private:
  std::string directory_;
};

TEST(NoSpace, InTheRepositoryIsSaidAndLeavesNothing) {
  World world;
  SmallFileSystem small(world.dir / "small");
  if (!small.ok) XCP_CANNOT_RUN("mount", "tmpfs cannot be mounted here");
  const SrSpec sr = world.file_sr("small/sr");
  const VdiInfo vdi = world->vdi_create(sr.uuid, disk(GiB, "before"));
  small.use_up();
  const auto before = tree(world.dir / "small");
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world->vdi_create(sr.uuid, disk(GiB)));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world->vdi_snapshot(sr.uuid, vdi.uuid, {}));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world->vdi_copy(sr.uuid, vdi.uuid, sr.uuid, {}));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world->vdi_set(sr.uuid, vdi.uuid, {{"name", "after"}}));
  EXPECT_EQ(tree(world.dir / "small"), before);
  EXPECT_EQ(world->sr_scan(sr.uuid).at(0).name, "before");
  // What needs no room goes on.
  world->vdi_attach(sr.uuid, vdi.uuid, "p", true);
  world->vdi_detach(sr.uuid, vdi.uuid, "p");
  small.make_room();
  world->vdi_snapshot(sr.uuid, vdi.uuid, {});
  small.use_up();
  world->vdi_destroy(sr.uuid, vdi.uuid);
}

TEST(NoSpace, InTheStateDirectoryIsSaidAndRecovers) {
  World world;
  world.stop();
  std::filesystem::remove_all(world.dir / "state");
  SmallFileSystem small(world.dir / "state");
  if (!small.ok) XCP_CANNOT_RUN("mount", "tmpfs cannot be mounted here");
  world.start();
  const SrSpec file = world.file_sr();
  const SrSpec dummy = world.dummy_sr();
  const std::string vdi = world->vdi_create(file.uuid, disk(MiB)).uuid;
  const std::string simulated = world->vdi_create(dummy.uuid, disk(MiB)).uuid;
  small.use_up();
  // A page of each log may still have room.
  std::string code;
  for (int i = 0; i < 100 && code.empty(); ++i)
    code = failure_of(
        [&] { world->vdi_attach(file.uuid, vdi, "reader " + std::to_string(i), false); });
  EXPECT_EQ(code, "SR_BACKEND_FAILURE_44");
  const std::size_t attached = world->data_paths().size();
  code.clear();
  for (int i = 0; i < 100 && code.empty(); ++i)
    code = failure_of([&] { world->vdi_create(dummy.uuid, disk(MiB)); });
  EXPECT_EQ(code, "SR_BACKEND_FAILURE_44");
  const std::size_t disks = world->sr_scan(dummy.uuid).size();
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world.file_sr("another"));
  EXPECT_EQ(world->srs().size(), 2u);
  small.make_room();
  world->vdi_destroy(dummy.uuid, simulated);
  world.restart();
  EXPECT_EQ(world->data_paths().size(), attached);
  EXPECT_EQ(world->sr_scan(dummy.uuid).size(), disks - 1);
  world.stop();
}

// --- scale
// -----------------------------------------------------------------------------------------

TEST(Scale, FiveThousandSimulatedDisks) {
  using Clock = std::chrono::steady_clock;
  World world;
  const SrSpec sr = world.dummy_sr();
  constexpr int disks = 5000;
  auto begin = Clock::now();
  const auto told = [&](const char* what) {
    const auto now = Clock::now();
    std::printf("%-40s %6lld ms\n", what,
                static_cast<long long>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(now - begin).count()));
    begin = now;
  };
  std::vector<std::thread> makers;
  for (int maker = 0; maker < 16; ++maker)
    makers.emplace_back([&, maker] {
      for (int i = maker; i < disks; i += 16)
        world->vdi_create(sr.uuid, disk(8 * GiB, "disk " + std::to_string(i)));
    });
  for (std::thread& maker : makers) maker.join();
  told("5,000 vdi_create on 16 threads");
  const auto all = world->sr_scan(sr.uuid);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(disks));
  told("sr_scan");
  for (const VdiInfo& info : all) world->vdi_attach(sr.uuid, info.uuid, "vbd " + info.uuid, true);
  told("5,000 vdi_attach on one thread");
  EXPECT_EQ(world->data_paths().size(), static_cast<std::size_t>(disks));
  world.restart();
  EXPECT_EQ(world->sr_scan(sr.uuid).size(), static_cast<std::size_t>(disks));
  EXPECT_EQ(world->data_paths().size(), static_cast<std::size_t>(disks));
  told("restart, sr_scan, data_paths");
}

TEST(Scale, ASimulatedRepositoryCanBeFull) {
  World world;
  SrSpec sr{make_uuid(), "dummy", {}, "", ""};
  world->sr_create(sr, 16 * GiB);
  world->sr_plug(sr);
  EXPECT_EQ(world->sr_state(sr.uuid).physical_size, 16 * GiB);
  world->vdi_create(sr.uuid, disk(64 * GiB));
  const std::string second = world->vdi_create(sr.uuid, disk(64 * GiB)).uuid;
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world->vdi_create(sr.uuid, disk(GiB)));
  EXPECT_EQ(world->sr_state(sr.uuid).physical_utilisation, 16 * GiB);
  world->vdi_destroy(sr.uuid, second);
  world->vdi_create(sr.uuid, disk(GiB));
}

}  // namespace
}  // namespace xcp::sm::test
