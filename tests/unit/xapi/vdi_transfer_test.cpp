// SPDX-License-Identifier: GPL-2.0-or-later
// Long disk operations: their progress is the task's, and cancelling the task ends them. The
// storage is the real one with a driver that stays half-way until it is cancelled or let go.
#include <atomic>
#include <chrono>
#include <thread>

#include "sm/driver.hpp"
#include "sm/drivers.hpp"
#include "sm/ready_images.hpp"
#include "world.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::task;
using model::Value;
using model::VDI;

namespace {

// Set by the test, read by the driver.
std::atomic<bool> let_go{false};

void stay_half_way(sm::Transfer& transfer) {
  transfer.report(0.5);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!let_go && std::chrono::steady_clock::now() < deadline) {
    transfer.stop_if_cancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

class HalfWayRepository : public sm::Repository {
 public:
  explicit HalfWayRepository(std::unique_ptr<sm::Repository> inner) : inner_(std::move(inner)) {}

  sm::SrState state() override { return inner_->state(); }
  std::vector<sm::VdiInfo> scan() override { return inner_->scan(); }
  sm::VdiInfo info(const std::string& vdi) override { return inner_->info(vdi); }
  sm::VdiInfo create(const sm::VdiSpec& spec, sm::Transfer& transfer) override {
    if (!spec.sm_config.contains("image")) return inner_->create(spec, transfer);
    stay_half_way(transfer);
    return inner_->create(spec, transfer);
  }
  sm::VdiInfo create_from(const sm::VdiSpec& spec, const sm::Content& content,
                          sm::Transfer& transfer) override {
    stay_half_way(transfer);
    return inner_->create_from(spec, content, transfer);
  }
  void destroy(const std::string& vdi) override { inner_->destroy(vdi); }
  sm::VdiInfo resize(const std::string& vdi, std::int64_t size) override {
    return inner_->resize(vdi, size);
  }
  sm::VdiInfo branch(sm::Branch kind, const std::string& vdi, const sm::VdiSpec& names,
                     bool being_written) override {
    return inner_->branch(kind, vdi, names, being_written);
  }
  sm::VdiInfo revert(const std::string& vdi, const std::string& snapshot) override {
    return inner_->revert(vdi, snapshot);
  }
  sm::VdiInfo set(const std::string& vdi, const sm::Config& changes) override {
    return inner_->set(vdi, changes);
  }
  sm::DiskSource open(const std::string& vdi, bool read_write) override {
    return inner_->open(vdi, read_write);
  }
  sm::DiskSource source(const std::string& vdi) override { return inner_->source(vdi); }
  sm::Content content(const std::string& vdi) override { return inner_->content(vdi); }

 private:
  std::unique_ptr<sm::Repository> inner_;
};

class HalfWayDriver : public sm::Driver {
 public:
  explicit HalfWayDriver(const std::string& directory)
      : inner_(sm::make_dummy_driver(images_, directory)) {}

  sm::DriverInfo info() const override { return inner_->info(); }
  std::vector<sm::ProbeResult> probe(const sm::Config& config) override {
    return inner_->probe(config);
  }
  void create(const sm::SrSpec& spec, std::int64_t size) override { inner_->create(spec, size); }
  std::unique_ptr<sm::Repository> plug(const sm::SrSpec& spec) override {
    return std::make_unique<HalfWayRepository>(inner_->plug(spec));
  }
  void unplug(const sm::SrSpec& spec) override { inner_->unplug(spec); }
  void destroy(const sm::SrSpec& spec) override { inner_->destroy(spec); }

 private:
  sm::ReadyImages images_{""};
  std::unique_ptr<sm::Driver> inner_;
};

class Transfers : public testing::Test {
 protected:
  static WorldSettings settings(const TempDir& dir) {
    WorldSettings settings;
    settings.drivers = [&dir] {
      std::vector<std::unique_ptr<sm::Driver>> drivers;
      drivers.push_back(std::make_unique<HalfWayDriver>(dir / "dummy"));
      return drivers;
    };
    return settings;
  }

  Transfers() : world(settings(dir)), sr(world.make_sr("dummy")) { let_go = false; }

  Ref<task> begin_copy(const Ref<VDI>& vdi) {
    const std::string null(null_ref_text);
    return world.call_ref<task>("Async.VDI.copy", {vdi.str(), sr.str(), null, null});
  }

  void wait_until_half_way(const Ref<task>& ref) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (world.get(ref, task::progress) < 0.4) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "no progress is shown";
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  TempDir dir;
  World world;
  Ref<SR> sr;
};

TEST_F(Transfers, ShowTheirProgressAndEnd) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "origin");
  const Ref<task> ref = begin_copy(vdi);
  wait_until_half_way(ref);
  EXPECT_LT(world.get(ref, task::progress), 0.6);
  EXPECT_EQ(world.get(vdi, VDI::current_operations).size(), 1u);
  let_go = true;
  world.wait_for(ref);
  EXPECT_EQ(world.get(ref, task::status), model::TaskStatusType::Success);
  EXPECT_EQ(world.view().all<VDI>().size(), 2u);
  EXPECT_TRUE(world.get(vdi, VDI::current_operations).empty());
}

TEST_F(Transfers, EndWhenTheirTaskIsCancelled) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "origin");
  const std::string before = world.state();
  const Ref<task> ref = begin_copy(vdi);
  wait_until_half_way(ref);
  world.call("task.cancel", {ref.str()});
  world.wait_for(ref);
  EXPECT_EQ(world.get(ref, task::status), model::TaskStatusType::Cancelled);
  EXPECT_EQ(world.get(ref, task::error_info),
            (std::vector<std::string>{"TASK_CANCELLED", ref.str()}));
  EXPECT_EQ(world.state(), before);
}

TEST_F(Transfers, FillingADiskIsCancelledToo) {
  const std::string before = world.state();
  auto record = full_record<VDI>();
  record.set(VDI::SR, sr);
  record.set(VDI::virtual_size, 8 * MiB);
  record.set(VDI::sm_config, {{"image", "debian-12"}});
  const auto ref = world.call_ref<task>("Async.VDI.create", {record});
  wait_until_half_way(ref);
  world.call("task.cancel", {ref.str()});
  world.wait_for(ref);
  EXPECT_EQ(world.get(ref, task::status), model::TaskStatusType::Cancelled);
  EXPECT_EQ(world.state(), before);
}

TEST_F(Transfers, KeepTheSrPlugged) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const Ref<task> ref = begin_copy(vdi);
  wait_until_half_way(ref);
  const auto pbd = world.get(sr, SR::PBDs).at(0);
  EXPECT_EQ(world.failure_of("PBD.unplug", {pbd.str()}), "OTHER_OPERATION_IN_PROGRESS");
  EXPECT_EQ(world.failure_of("VDI.destroy", {vdi.str()}), "OTHER_OPERATION_IN_PROGRESS");
  world.call("SR.scan", {sr.str()});  // is not kept waiting
  world.call("task.cancel", {ref.str()});
  world.wait_for(ref);
}

}  // namespace
}  // namespace xcp::xapi::test
