// SPDX-License-Identifier: GPL-2.0-or-later
// SR type "iso": what a directory holds is what there is, always under the same uuids.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/ref.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

class Iso : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(world_.dir / "isos");
    sr_ = {
        make_uuid(), "iso", {{"location", world_.dir / "isos"}, {"legacy_mode", "true"}}, "", ""};
    world_->sr_create(sr_, 0);
    world_->sr_plug(sr_);
  }
  void put(const std::string& name, std::size_t size) {
    std::ofstream(world_.dir / ("isos/" + name)) << std::string(size, 'x');
  }
  std::map<std::string, VdiInfo> scan() {
    std::map<std::string, VdiInfo> by_name;
    for (VdiInfo& info : world_->sr_scan(sr_.uuid)) by_name[info.name] = info;
    return by_name;
  }

  World world_;
  SrSpec sr_;
};

TEST_F(Iso, ListsItsMedia) {
  put("debian.iso", 5000);
  put("DRIVERS.IMG", 512);
  put("größe.iso", 10);
  put("notes.txt", 10);
  put("\xff\xfe.iso", 10);
  std::filesystem::create_directory(world_.dir / "isos/directory.iso");
  ASSERT_EQ(symlink("/etc/passwd", (world_.dir / "isos/link.iso").c_str()), 0);
  ASSERT_EQ(mkfifo((world_.dir / "isos/fifo.iso").c_str(), 0600), 0);
  const auto all = scan();
  ASSERT_EQ(all.size(), 3u);
  const VdiInfo& debian = all.at("debian.iso");
  EXPECT_EQ(debian.location, "debian.iso");
  EXPECT_EQ(debian.virtual_size, 5000);
  EXPECT_TRUE(debian.read_only);
  EXPECT_EQ(debian.format, ImageFormat::raw);
  EXPECT_TRUE(is_uuid(debian.uuid));
  EXPECT_TRUE(all.contains("DRIVERS.IMG"));
  EXPECT_TRUE(all.contains("größe.iso"));
  EXPECT_EQ(world_->sr_state(sr_.uuid).virtual_allocation, 5000 + 512 + 10);
}

TEST_F(Iso, UuidsAreStable) {
  put("a.iso", 10);
  const std::string uuid = scan().at("a.iso").uuid;
  world_.restart();
  EXPECT_EQ(scan().at("a.iso").uuid, uuid);
  std::filesystem::remove(world_.dir / "isos/a.iso");
  EXPECT_TRUE(scan().empty());
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_attach(sr_.uuid, uuid, "p", false));
  put("a.iso", 20);
  EXPECT_EQ(scan().at("a.iso").uuid, uuid);

  SrSpec other = sr_;
  other.uuid = make_uuid();
  world_->sr_plug(other);
  EXPECT_NE(world_->sr_scan(other.uuid).at(0).uuid, uuid);
}

TEST_F(Iso, MediaAreReadByManyAndChangedByNobody) {
  put("a.iso", 4096);
  const std::string vdi = scan().at("a.iso").uuid;
  EXPECT_FAILURE("VDI_READONLY", world_->vdi_attach(sr_.uuid, vdi, "p", true));
  const DiskSource source = world_->vdi_attach(sr_.uuid, vdi, "p", false);
  world_->vdi_attach(sr_.uuid, vdi, "q", false);
  world_->vdi_activate(sr_.uuid, vdi, "p");
  EXPECT_EQ(source.path, world_.dir / "isos/a.iso");
  EXPECT_EQ(source.format, ImageFormat::raw);
  EXPECT_TRUE(source.read_only);
  world_->vdi_detach(sr_.uuid, vdi, "p");
  world_->vdi_detach(sr_.uuid, vdi, "q");
  EXPECT_FAILURE("SR_OPERATION_NOT_SUPPORTED", world_->vdi_create(sr_.uuid, disk(MiB)));
  EXPECT_FAILURE("SR_OPERATION_NOT_SUPPORTED", world_->vdi_destroy(sr_.uuid, vdi));
  EXPECT_FAILURE("SR_OPERATION_NOT_SUPPORTED", world_->vdi_clone(sr_.uuid, vdi, {}));
  EXPECT_FAILURE("SR_OPERATION_NOT_SUPPORTED", world_->vdi_set(sr_.uuid, vdi, {{"name", "n"}}));
  world_->sr_destroy(sr_);
  EXPECT_EQ(tree(world_.dir / "isos"), std::set<std::string>{"a.iso"});
}

TEST_F(Iso, AMediumCanBeCopiedToADisk) {
  put("a.iso", 10000);
  const SrSpec file = world_.file_sr();
  VdiSpec names = named("");
  const VdiInfo copy = world_->vdi_copy(sr_.uuid, scan().at("a.iso").uuid, file.uuid, names);
  EXPECT_EQ(copy.name, "a.iso");
  EXPECT_EQ(copy.virtual_size, 12288);
  EXPECT_FALSE(copy.read_only);
  // Whole sectors of it; the last one ends in zeros.
  expect_pattern(world_->vdi_source(file.uuid, copy.uuid), 0, 9728, 'x');
}

TEST_F(Iso, WrongConfigurationsAreRefused) {
  SrSpec spec{make_uuid(), "iso", {}, "", ""};
  EXPECT_FAILURE("SR_BACKEND_FAILURE_94", world_->sr_create(spec, 0));
  spec.device_config = {{"location", world_.dir / "none"}};
  EXPECT_FAILURE("SR_BACKEND_FAILURE_47", world_->sr_create(spec, 0));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_47", world_->sr_plug(spec));
  spec.device_config = {{"location", "server:/export"}, {"type", "nfs_iso"}};
  EXPECT_FAILURE("NOT_IMPLEMENTED", world_->sr_create(spec, 0));
}

}  // namespace
}  // namespace xcp::sm::test
