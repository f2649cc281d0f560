// SPDX-License-Identifier: GPL-2.0-or-later
// What is in the disks: snapshots stay as they were, clones go their own way, copies are whole, and
// every image is one that qemu-img finds nothing wrong with.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "base/process.hpp"
#include "base/ref.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

struct Case {
  std::string kind;
  ImageFormat format;
};

class ContentOf : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    sr_ = world_.sr_of_kind(GetParam().kind);
    if (sr_.uuid.empty()) XCP_CANNOT_RUN("loop", "no loop devices on this machine");
  }

  std::string make(std::int64_t size = 8 * MiB) {
    VdiSpec spec = disk(size);
    spec.format = GetParam().format;
    return world_->vdi_create(sr_.uuid, spec).uuid;
  }
  // One use of a disk, as by a guest that runs for a moment.
  void write(const std::string& vdi, std::int64_t from, std::int64_t bytes, int pattern) {
    const DiskSource source = world_->vdi_attach(sr_.uuid, vdi, "writer", true);
    world_->vdi_activate(sr_.uuid, vdi, "writer");
    fill(source, from, bytes, pattern);
    EXPECT_TRUE(clean(source));
    world_->vdi_detach(sr_.uuid, vdi, "writer");
  }
  void expect(const std::string& vdi, std::int64_t from, std::int64_t bytes, int pattern) {
    expect_pattern(world_->vdi_source(sr_.uuid, vdi), from, bytes, pattern);
  }
  std::string sum(const std::string& vdi) { return checksum(world_->vdi_source(sr_.uuid, vdi)); }
  std::size_t images() { return tree(nodes()).size(); }
  std::string nodes() {
    const std::string path = world_->vdi_source(sr_.uuid, any_).path;
    return path.substr(0, path.rfind('/'));
  }

  World world_;
  SrSpec sr_;
  std::string any_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, ContentOf,
                         ::testing::Values(Case{"file", ImageFormat::qcow2},
                                           Case{"file", ImageFormat::raw},
                                           Case{"ext", ImageFormat::qcow2}),
                         [](const auto& kind) {
                           return kind.param.kind +
                                  (kind.param.format == ImageFormat::raw ? "_raw" : "_qcow2");
                         });

TEST_P(ContentOf, ANewDiskIsZero) {
  const std::string vdi = make();
  expect(vdi, 0, 8 * MiB, 0);
  EXPECT_EQ(world_->vdi_source(sr_.uuid, vdi).format, GetParam().format);
}

TEST_P(ContentOf, ASnapshotStaysAndItsOriginGoesOn) {
  const std::string vdi = any_ = make();
  write(vdi, 0, MiB, 1);
  const std::string first = world_->vdi_snapshot(sr_.uuid, vdi, named("1")).uuid;
  write(vdi, 0, 64 << 10, 2);
  const std::string second = world_->vdi_snapshot(sr_.uuid, vdi, named("2")).uuid;
  write(vdi, 2 * MiB, MiB, 3);
  expect(first, 0, MiB, 1);
  expect(first, MiB, 7 * MiB, 0);
  expect(second, 0, 64 << 10, 2);
  expect(second, 2 * MiB, MiB, 0);
  expect(vdi, 0, 64 << 10, 2);
  expect(vdi, 64 << 10, MiB - (64 << 10), 1);
  expect(vdi, 2 * MiB, MiB, 3);
}

TEST_P(ContentOf, ADiskBeingWrittenGetsANewImageAtItsSnapshot) {
  const std::string vdi = any_ = make();
  const DiskSource before = world_->vdi_attach(sr_.uuid, vdi, "p", true);
  world_->vdi_activate(sr_.uuid, vdi, "p");
  fill(before, 0, MiB, 1);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  const DiskSource after = world_->vdi_source(sr_.uuid, vdi);
  EXPECT_NE(after.path, before.path);
  EXPECT_EQ(after.format, ImageFormat::qcow2);
  fill(after, 0, MiB, 2);
  expect(snapshot, 0, MiB, 1);
  expect(vdi, 0, MiB, 2);
  EXPECT_TRUE(clean(after));
  // The image it had is still what it was when the writer left it.
  expect_pattern(before, 0, MiB, 1);
}

TEST_P(ContentOf, AnIdleDiskCanBeClonedManyTimes) {
  const std::string vdi = any_ = make();
  write(vdi, 0, MiB, 1);
  const std::string path = world_->vdi_source(sr_.uuid, vdi).path;
  std::vector<std::string> clones;
  for (int i = 0; i < 40; ++i) clones.push_back(world_->vdi_clone(sr_.uuid, vdi, {}).uuid);
  // It got no longer by being cloned.
  EXPECT_EQ(world_->vdi_source(sr_.uuid, vdi).path, path);
  write(clones[0], 0, MiB, 2);
  write(vdi, 0, MiB, 3);
  expect(clones[0], 0, MiB, 2);
  expect(clones[39], 0, MiB, 1);
  expect(vdi, 0, MiB, 3);
  EXPECT_NE(world_->vdi_source(sr_.uuid, vdi).path, path);
}

TEST_P(ContentOf, RevertBringsTheContentBack) {
  const std::string vdi = any_ = make();
  write(vdi, 0, MiB, 1);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  const std::string then = sum(vdi);
  write(vdi, 0, 4 * MiB, 2);
  EXPECT_NE(sum(vdi), then);
  world_->vdi_revert(sr_.uuid, vdi, snapshot);
  EXPECT_EQ(sum(vdi), then);
  write(vdi, 0, MiB, 5);
  EXPECT_EQ(sum(snapshot), then);
  world_->vdi_revert(sr_.uuid, vdi, snapshot);
  EXPECT_EQ(sum(vdi), then);
}

TEST_P(ContentOf, WhatNobodyNeedsIsRemovedAtOnce) {
  const std::string vdi = any_ = make();
  write(vdi, 0, MiB, 1);
  EXPECT_EQ(images(), 1u);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  write(vdi, 0, MiB, 2);
  const std::string clone = world_->vdi_clone(sr_.uuid, snapshot, named("c")).uuid;
  EXPECT_EQ(images(), 4u);
  const std::string directory = nodes();
  world_->vdi_destroy(sr_.uuid, snapshot);
  // The clone stands on the snapshot's image.
  EXPECT_EQ(images(), 4u);
  expect(clone, 0, MiB, 1);
  world_->vdi_destroy(sr_.uuid, clone);
  EXPECT_EQ(images(), 2u);
  expect(vdi, 0, MiB, 2);
  world_->vdi_destroy(sr_.uuid, vdi);
  EXPECT_TRUE(tree(directory).empty());
}

TEST_P(ContentOf, CopiesAreWholeAndAlone) {
  const std::string vdi = any_ = make();
  write(vdi, 0, MiB, 1);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  write(vdi, 2 * MiB, MiB, 2);
  const SrSpec other = world_.file_sr("other");
  for (const ImageFormat format : {ImageFormat::qcow2, ImageFormat::raw}) {
    VdiSpec spec = named("copy");
    spec.format = format;
    const VdiInfo copy = world_->vdi_copy(sr_.uuid, vdi, other.uuid, spec);
    const DiskSource source = world_->vdi_source(other.uuid, copy.uuid);
    EXPECT_EQ(source.format, format);
    EXPECT_EQ(checksum(source), sum(vdi));
    EXPECT_TRUE(clean(source));
    const VdiInfo earlier = world_->vdi_copy(sr_.uuid, snapshot, other.uuid, spec);
    EXPECT_EQ(checksum(world_->vdi_source(other.uuid, earlier.uuid)), sum(snapshot));
    EXPECT_FALSE(earlier.read_only);
  }
  EXPECT_EQ(tree(world_.dir / "other/nodes").size(), 4u);
}

TEST_P(ContentOf, GrowingKeepsTheContent) {
  const std::string vdi = any_ = make();
  write(vdi, 7 * MiB, MiB, 1);
  world_->vdi_resize(sr_.uuid, vdi, 16 * MiB);
  expect(vdi, 7 * MiB, MiB, 1);
  expect(vdi, 8 * MiB, 8 * MiB, 0);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  world_->vdi_resize(sr_.uuid, vdi, 32 * MiB);
  write(vdi, 24 * MiB, MiB, 2);
  expect(vdi, 7 * MiB, MiB, 1);
  EXPECT_EQ(world_->vdi_clone(sr_.uuid, snapshot, {}).virtual_size, 16 * MiB);
}

TEST_P(ContentOf, UtilisationIsWhatTheDiskAloneKeeps) {
  const std::string vdi = any_ = make();
  write(vdi, 0, 4 * MiB, 1);
  const auto used = [&](const std::string& uuid) {
    for (const VdiInfo& info : world_->sr_scan(sr_.uuid))
      if (info.uuid == uuid) return info.physical_utilisation;
    return std::int64_t{-1};
  };
  EXPECT_GE(used(vdi), 4 * MiB);
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  EXPECT_LT(used(snapshot), MiB);
  write(vdi, 0, 2 * MiB, 2);
  // The four megabytes below belong to both now; two are the disk's own.
  EXPECT_GE(used(vdi), 2 * MiB);
  EXPECT_LT(used(vdi), 4 * MiB);
  world_->vdi_destroy(sr_.uuid, snapshot);
  EXPECT_GE(used(vdi), 6 * MiB);
}

TEST_P(ContentOf, ImagesAreReadableByTheirOwnerOnly) {
  any_ = make();
  write(any_, 0, MiB, 1);
  world_->vdi_clone(sr_.uuid, any_, {});
  world_->vdi_copy(sr_.uuid, any_, sr_.uuid, {});
  for (const std::string& name : tree(nodes())) {
    struct stat status {};
    ASSERT_EQ(stat((nodes() + '/' + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_P(ContentOf, ChainsHaveAnEnd) {
  const std::string vdi = any_ = make();
  std::string code;
  int snapshots = 0;
  while (code.empty() && snapshots < 100) {
    write(vdi, snapshots * 4096, 4096, snapshots + 1);
    code = failure_of([&] { world_->vdi_snapshot(sr_.uuid, vdi, named("s")); });
    if (code.empty()) ++snapshots;
  }
  EXPECT_EQ(code, "SR_BACKEND_FAILURE_109");
  EXPECT_EQ(snapshots, 29);
  const std::string now = sum(vdi);
  // A way out that the message names.
  const std::string copy = world_->vdi_copy(sr_.uuid, vdi, sr_.uuid, named("c")).uuid;
  EXPECT_EQ(sum(copy), now);
  world_->vdi_snapshot(sr_.uuid, copy, named("s"));
}

}  // namespace
}  // namespace xcp::sm::test
