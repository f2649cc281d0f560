// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "ext": what it does to a block device, and what it refuses to do.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/ref.hpp"
#include "sm/ext/device.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

class Ext : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!device_.ok()) XCP_CANNOT_RUN("loop", "no loop devices on this machine");
  }
  SrSpec spec() { return {make_uuid(), "ext", {{"device", device_.path()}}, "", ""}; }
  void tool(std::vector<std::string> argv) {
    Command command;
    command.argv = std::move(argv);
    run_checked(command);
  }
  std::string mount_point(const SrSpec& sr) {
    return world_.dir / ("state/storage/mnt/" + sr.uuid);
  }

  World world_;
  LoopDevice device_{world_.dir / "loop", 64 * MiB};
};

TEST_F(Ext, OverwritesOnlyWhenForced) {
  for (const std::vector<std::string>& maker : std::vector<std::vector<std::string>>{
           {"mkfs.ext4", "-q", "-F", device_.path()}, {"mkswap", "-q", device_.path()}}) {
    wipe_signatures(device_.path());
    tool(maker);
    const auto there = signature_of(device_.path());
    SrSpec sr = spec();
    EXPECT_FAILURE("SR_BACKEND_FAILURE_42", world_->sr_create(sr, 0));
    EXPECT_EQ(signature_of(device_.path()), there);
    const auto probed = world_->sr_probe("ext", sr.device_config);
    EXPECT_EQ(probed.at(0).sr_uuid, "");
    EXPECT_FALSE(probed.at(0).extra.empty());
    sr.device_config["force"] = "true";
    world_->sr_create(sr, 0);
    EXPECT_EQ(world_->sr_probe("ext", sr.device_config).at(0).sr_uuid, sr.uuid);
  }
  // A whole SR is something as well.
  SrSpec other = spec();
  EXPECT_FAILURE("SR_BACKEND_FAILURE_42", world_->sr_create(other, 0));
}

TEST_F(Ext, DevicesInUseAreRefused) {
  tool({"mkfs.ext4", "-q", "-F", device_.path()});
  const std::string mounted = world_.dir / "mounted";
  mount_device(device_.path(), mounted);
  SrSpec sr = spec();
  sr.device_config["force"] = "true";
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_create(sr, 0));
  unmount_directory(mounted);
  EXPECT_FALSE(std::filesystem::exists(mounted));
  sr.device_config["device"] = world_.dir / "loop";
  EXPECT_FAILURE("SR_BACKEND_FAILURE_19", world_->sr_create(sr, 0));
  sr.device_config["device"] = "/dev/null";
  EXPECT_FAILURE("SR_BACKEND_FAILURE_19", world_->sr_create(sr, 0));
  sr.device_config["device"] = "/dev/none";
  EXPECT_FAILURE("SR_BACKEND_FAILURE_19", world_->sr_create(sr, 0));
  sr.device_config.erase("device");
  EXPECT_FAILURE("SR_BACKEND_FAILURE_90", world_->sr_create(sr, 0));
}

TEST_F(Ext, MountsWhilePluggedAndStaysMountedOverRestart) {
  const SrSpec sr = spec();
  world_->sr_create(sr, 0);
  EXPECT_FALSE(std::filesystem::exists(mount_point(sr)));
  world_->sr_plug(sr);
  EXPECT_TRUE(is_mount_point(mount_point(sr)));
  const std::string vdi = world_->vdi_create(sr.uuid, disk(MiB)).uuid;
  const DiskSource source = world_->vdi_attach(sr.uuid, vdi, "p", true);
  world_.stop();
  EXPECT_TRUE(is_mount_point(mount_point(sr)));
  fill(source, 0, MiB, 3);
  world_.start();
  EXPECT_EQ(world_->srs(), std::vector<std::string>{sr.uuid});
  expect_pattern(world_->vdi_source(sr.uuid, vdi), 0, MiB, 3);
  world_->vdi_detach(sr.uuid, vdi, "p");
  world_->sr_unplug(sr.uuid);
  EXPECT_FALSE(std::filesystem::exists(mount_point(sr)));
  world_->sr_plug(sr);
  world_->sr_destroy(sr);
  EXPECT_FALSE(std::filesystem::exists(mount_point(sr)));
  EXPECT_TRUE(signature_of(device_.path()).empty());
}

TEST_F(Ext, UsedMountsAreNotTornAway) {
  const SrSpec sr = spec();
  world_->sr_create(sr, 0);
  world_->sr_plug(sr);
  const std::string vdi = world_->vdi_create(sr.uuid, disk(MiB)).uuid;
  const UniqueFd held(open(world_->vdi_source(sr.uuid, vdi).path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(held);
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_unplug(sr.uuid));
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_destroy(sr));
  // It goes on as if nobody had asked.
  EXPECT_EQ(world_->sr_scan(sr.uuid).size(), 1u);
}

TEST_F(Ext, AFullDiskIsSaidAndLeavesNothing) {
  const SrSpec sr = spec();
  world_->sr_create(sr, 0);
  world_->sr_plug(sr);
  const SrSpec elsewhere = world_.file_sr();
  const std::string big = world_->vdi_create(elsewhere.uuid, disk(128 * MiB)).uuid;
  const DiskSource source = world_->vdi_attach(elsewhere.uuid, big, "p", true);
  fill(source, 0, 100 * MiB, 5);
  world_->vdi_detach(elsewhere.uuid, big, "p");
  EXPECT_FAILURE("SR_BACKEND_FAILURE_44", world_->vdi_copy(elsewhere.uuid, big, sr.uuid, {}));
  EXPECT_TRUE(tree(mount_point(sr) + "/nodes").empty());
  EXPECT_TRUE(world_->sr_scan(sr.uuid).empty());
  // There is room again.
  world_->vdi_create(sr.uuid, disk(MiB));
}

}  // namespace
}  // namespace xcp::sm::test
