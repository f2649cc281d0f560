// SPDX-License-Identifier: GPL-2.0-or-later
// What every kind of SR in which disks can be made must do alike; one suite over all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/ref.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    sr_ = world_.sr_of_kind(GetParam());
    if (sr_.uuid.empty()) XCP_CANNOT_RUN("loop", "no loop devices on this machine");
  }

  VdiInfo make(std::int64_t size = 16 * MiB, const std::string& name = "disk") {
    return world_->vdi_create(sr_.uuid, disk(size, name));
  }
  VdiInfo find(const std::string& vdi) {
    for (const VdiInfo& info : world_->sr_scan(sr_.uuid))
      if (info.uuid == vdi) return info;
    ADD_FAILURE() << "no VDI " << vdi;
    return {};
  }
  std::set<std::string> uuids() {
    std::set<std::string> all;
    for (const VdiInfo& info : world_->sr_scan(sr_.uuid)) all.insert(info.uuid);
    return all;
  }
  DiskSource attach(const std::string& vdi, const std::string& id, bool read_write = true) {
    const DiskSource source = world_->vdi_attach(sr_.uuid, vdi, id, read_write);
    world_->vdi_activate(sr_.uuid, vdi, id);
    return source;
  }
  void detach(const std::string& vdi, const std::string& id) {
    world_->vdi_detach(sr_.uuid, vdi, id);
  }

  World world_;
  SrSpec sr_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, Conformance, ::testing::Values("file", "ext", "dummy"),
                         [](const auto& kind) { return kind.param; });

TEST_P(Conformance, ANewSrIsEmptyAndHasRoom) {
  EXPECT_TRUE(world_->sr_scan(sr_.uuid).empty());
  const SrState state = world_->sr_state(sr_.uuid);
  EXPECT_GT(state.physical_size, 64 * MiB);
  EXPECT_EQ(state.virtual_allocation, 0);
  EXPECT_LT(state.physical_utilisation, state.physical_size);
}

TEST_P(Conformance, CreateKeepsWhatItWasTold) {
  VdiSpec spec = disk(10 * MiB, "a name");
  spec.uuid = make_uuid();
  spec.description = "a description";
  spec.type = "system";
  spec.sm_config = {{"a", "b"}};
  const VdiInfo made = world_->vdi_create(sr_.uuid, spec);
  for (const VdiInfo& info : {made, find(spec.uuid)}) {
    EXPECT_EQ(info.uuid, spec.uuid);
    EXPECT_FALSE(info.location.empty());
    EXPECT_EQ(info.name, spec.name);
    EXPECT_EQ(info.description, spec.description);
    EXPECT_EQ(info.type, "system");
    EXPECT_EQ(info.virtual_size, 10 * MiB);
    EXPECT_EQ(info.sm_config, spec.sm_config);
    EXPECT_FALSE(info.read_only);
    EXPECT_FALSE(info.is_a_snapshot);
  }
  EXPECT_EQ(world_->sr_state(sr_.uuid).virtual_allocation, 10 * MiB);
}

TEST_P(Conformance, SizesAreRoundedUpAndBounded) {
  EXPECT_EQ(make(1).virtual_size, 4096);
  EXPECT_EQ(make(4097).virtual_size, 8192);
  EXPECT_FAILURE("VDI_TOO_SMALL", make(0));
  EXPECT_FAILURE("VDI_TOO_SMALL", make(-1));
  EXPECT_FAILURE("VDI_TOO_LARGE", make((std::int64_t{64} << 40) + 1));
  EXPECT_EQ(uuids().size(), 2u);
}

TEST_P(Conformance, UuidsAreCheckedAndUnique) {
  VdiSpec spec = disk(MiB);
  spec.uuid = make_uuid();
  world_->vdi_create(sr_.uuid, spec);
  EXPECT_FAILURE("SR_BACKEND_FAILURE_43", world_->vdi_create(sr_.uuid, spec));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_43", world_->vdi_clone(sr_.uuid, spec.uuid, spec));
  for (const char* bad : {"../../etc/passwd", "x", "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA"}) {
    spec.uuid = bad;
    EXPECT_FAILURE("UUID_INVALID", world_->vdi_create(sr_.uuid, spec));
  }
  EXPECT_EQ(uuids().size(), 1u);
}

TEST_P(Conformance, AMissingVdiIsMissingForEveryCall) {
  const std::string no = make_uuid();
  const std::string yes = make().uuid;
  const std::string sr = sr_.uuid;
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_destroy(sr, no));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_resize(sr, no, GiB));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_snapshot(sr, no, {}));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_clone(sr, no, {}));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_revert(sr, no, yes));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_revert(sr, yes, no));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_copy(sr, no, sr, {}));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_set(sr, no, {{"name", "n"}}));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_attach(sr, no, "p", true));
  EXPECT_FAILURE("VDI_MISSING", world_->vdi_source(sr, no));
  EXPECT_FAILURE("VDI_MISSING", world_->progress(no));
  EXPECT_FAILURE("VDI_MISSING", world_->cancel(no));
  EXPECT_EQ(uuids(), std::set<std::string>{yes});
  EXPECT_TRUE(world_->data_paths().empty());
}

TEST_P(Conformance, SetChangesWhatItMay) {
  const std::string vdi = make().uuid;
  world_->vdi_set(
      sr_.uuid, vdi,
      {{"name", "new"}, {"description", "d"}, {"type", "ephemeral"}, {"read_only", "true"}});
  const VdiInfo info = find(vdi);
  EXPECT_EQ(info.name, "new");
  EXPECT_EQ(info.description, "d");
  EXPECT_EQ(info.type, "ephemeral");
  EXPECT_TRUE(info.read_only);
  EXPECT_FAILURE("VALUE_NOT_SUPPORTED", world_->vdi_set(sr_.uuid, vdi, {{"virtual_size", "1"}}));
  EXPECT_FAILURE("VALUE_NOT_SUPPORTED", world_->vdi_set(sr_.uuid, vdi, {{"read_only", "perhaps"}}));
  EXPECT_FAILURE("VDI_READONLY", attach(vdi, "p", true));
  EXPECT_FAILURE("VDI_READONLY", world_->vdi_resize(sr_.uuid, vdi, GiB));
  world_->vdi_set(sr_.uuid, vdi, {{"read_only", "false"}});
  attach(vdi, "p", true);
  EXPECT_FAILURE("VDI_IN_USE", world_->vdi_set(sr_.uuid, vdi, {{"read_only", "true"}}));
  world_->vdi_set(sr_.uuid, vdi, {{"name", "newer"}});
  EXPECT_EQ(find(vdi).name, "newer");
}

TEST_P(Conformance, ResizeOnlyGrows) {
  const std::string vdi = make(16 * MiB).uuid;
  EXPECT_FAILURE("VDI_TOO_SMALL", world_->vdi_resize(sr_.uuid, vdi, 8 * MiB));
  EXPECT_EQ(world_->vdi_resize(sr_.uuid, vdi, 16 * MiB).virtual_size, 16 * MiB);
  EXPECT_EQ(world_->vdi_resize(sr_.uuid, vdi, 32 * MiB).virtual_size, 32 * MiB);
  EXPECT_EQ(find(vdi).virtual_size, 32 * MiB);
  EXPECT_FAILURE("VDI_TOO_LARGE", world_->vdi_resize(sr_.uuid, vdi, std::int64_t{65} << 40));
  attach(vdi, "p");
  EXPECT_FAILURE("NOT_IMPLEMENTED", world_->vdi_resize(sr_.uuid, vdi, 64 * MiB));
  detach(vdi, "p");
  // Also one that others stand on.
  world_->vdi_clone(sr_.uuid, vdi, {});
  EXPECT_EQ(world_->vdi_resize(sr_.uuid, vdi, 64 * MiB).virtual_size, 64 * MiB);
  EXPECT_EQ(world_->sr_state(sr_.uuid).virtual_allocation, (64 + 32) * MiB);
}

TEST_P(Conformance, SnapshotsAndClonesAreDescribed) {
  VdiSpec spec = disk(16 * MiB, "origin");
  spec.description = "d";
  spec.type = "system";
  const VdiInfo origin = world_->vdi_create(sr_.uuid, spec);
  const VdiInfo snapshot = world_->vdi_snapshot(sr_.uuid, origin.uuid, named("the snapshot"));
  EXPECT_TRUE(snapshot.is_a_snapshot);
  EXPECT_TRUE(snapshot.read_only);
  EXPECT_EQ(snapshot.snapshot_of, origin.uuid);
  EXPECT_GT(snapshot.snapshot_time, 1'600'000'000);
  EXPECT_EQ(snapshot.name, "the snapshot");
  EXPECT_EQ(snapshot.description, "d");
  EXPECT_EQ(snapshot.type, "system");
  EXPECT_EQ(snapshot.virtual_size, 16 * MiB);
  EXPECT_NE(snapshot.location, origin.location);

  const VdiInfo clone = world_->vdi_clone(sr_.uuid, snapshot.uuid, {});
  EXPECT_FALSE(clone.is_a_snapshot);
  EXPECT_FALSE(clone.read_only);
  EXPECT_EQ(clone.snapshot_of, "");
  EXPECT_EQ(clone.name, "the snapshot");
  EXPECT_EQ(uuids(), (std::set<std::string>{origin.uuid, snapshot.uuid, clone.uuid}));

  EXPECT_FAILURE("VDI_READONLY", attach(snapshot.uuid, "p", true));
  EXPECT_FAILURE("VALUE_NOT_SUPPORTED",
                 world_->vdi_set(sr_.uuid, snapshot.uuid, {{"read_only", "false"}}));
  // Each goes its own way, in any order.
  world_->vdi_destroy(sr_.uuid, origin.uuid);
  world_->vdi_destroy(sr_.uuid, snapshot.uuid);
  attach(clone.uuid, "p");
  EXPECT_EQ(uuids(), std::set<std::string>{clone.uuid});
}

TEST_P(Conformance, RevertBringsTheSizeBack) {
  const std::string vdi = make(16 * MiB, "v").uuid;
  const std::string snapshot = world_->vdi_snapshot(sr_.uuid, vdi, named("s")).uuid;
  world_->vdi_resize(sr_.uuid, vdi, 32 * MiB);
  attach(vdi, "p");
  EXPECT_FAILURE("VDI_IN_USE", world_->vdi_revert(sr_.uuid, vdi, snapshot));
  detach(vdi, "p");
  const VdiInfo reverted = world_->vdi_revert(sr_.uuid, vdi, snapshot);
  EXPECT_EQ(reverted.uuid, vdi);
  EXPECT_EQ(reverted.name, "v");
  EXPECT_EQ(reverted.virtual_size, 16 * MiB);
  EXPECT_FALSE(reverted.is_a_snapshot);
  EXPECT_EQ(uuids(), (std::set<std::string>{vdi, snapshot}));
  EXPECT_FAILURE("VDI_READONLY", world_->vdi_revert(sr_.uuid, snapshot, vdi));
}

TEST_P(Conformance, CopyMakesAnIndependentDisk) {
  const VdiInfo origin = make(16 * MiB, "origin");
  const VdiInfo copy = world_->vdi_copy(sr_.uuid, origin.uuid, sr_.uuid, {});
  EXPECT_EQ(copy.name, "origin");
  EXPECT_EQ(copy.virtual_size, 16 * MiB);
  const VdiInfo larger =
      world_->vdi_copy(sr_.uuid, origin.uuid, sr_.uuid, disk(20 * MiB, "larger"));
  EXPECT_EQ(larger.virtual_size, 20 * MiB);
  EXPECT_FAILURE("VDI_TOO_SMALL",
                 world_->vdi_copy(sr_.uuid, origin.uuid, sr_.uuid, disk(8 * MiB, "smaller")));
  world_->vdi_destroy(sr_.uuid, origin.uuid);
  EXPECT_EQ(uuids(), (std::set<std::string>{copy.uuid, larger.uuid}));
  attach(copy.uuid, "p");
  EXPECT_FAILURE("VDI_IN_USE", world_->vdi_copy(sr_.uuid, copy.uuid, sr_.uuid, {}));
}

TEST_P(Conformance, CopyReachesOtherRepositories) {
  const VdiInfo origin = make(16 * MiB, "origin");
  const SrSpec file = world_.file_sr("other");
  const SrSpec dummy = world_.dummy_sr();
  EXPECT_EQ(world_->vdi_copy(sr_.uuid, origin.uuid, file.uuid, {}).virtual_size, 16 * MiB);
  EXPECT_EQ(world_->vdi_copy(sr_.uuid, origin.uuid, dummy.uuid, {}).virtual_size, 16 * MiB);
  EXPECT_EQ(world_->sr_scan(file.uuid).size(), 1u);
  EXPECT_EQ(world_->sr_scan(dummy.uuid).size(), 1u);
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->vdi_copy(sr_.uuid, origin.uuid, make_uuid(), {}));
}

TEST_P(Conformance, OneWriterOrManyReaders) {
  const std::string vdi = make().uuid;
  EXPECT_FALSE(attach(vdi, "writer", true).read_only);
  EXPECT_FAILURE("VDI_IN_USE", attach(vdi, "second", true));
  EXPECT_FAILURE("VDI_IN_USE", attach(vdi, "reader", false));
  EXPECT_FAILURE("VDI_IN_USE", attach(vdi, "writer", false));
  EXPECT_FAILURE("VDI_IN_USE", world_->vdi_destroy(sr_.uuid, vdi));
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_unplug(sr_.uuid));
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_destroy(sr_));
  detach(vdi, "writer");
  EXPECT_TRUE(attach(vdi, "reader", false).read_only);
  EXPECT_TRUE(attach(vdi, "reader 2", false).read_only);
  EXPECT_FAILURE("VDI_IN_USE", attach(vdi, "writer", true));
  EXPECT_EQ(world_->data_paths().size(), 2u);
  detach(vdi, "reader");
  detach(vdi, "reader 2");
  detach(vdi, "never attached");
  EXPECT_TRUE(world_->data_paths().empty());
  world_->vdi_destroy(sr_.uuid, vdi);
}

TEST_P(Conformance, AttachAndActivateMayBeRepeated) {
  const std::string vdi = make().uuid;
  EXPECT_FAILURE("VDI_NOT_AVAILABLE", world_->vdi_activate(sr_.uuid, vdi, "p"));
  const DiskSource first = attach(vdi, "p");
  const DiskSource second = attach(vdi, "p");
  EXPECT_EQ(first.path, second.path);
  ASSERT_EQ(world_->data_paths().size(), 1u);
  EXPECT_TRUE(world_->data_paths()[0].activated);
  EXPECT_TRUE(world_->data_paths()[0].read_write);
  EXPECT_EQ(world_->data_paths()[0].id, "p");
  detach(vdi, "p");
  detach(vdi, "p");
}

TEST_P(Conformance, SharableDisksHaveManyWritersAndNoSnapshots) {
  VdiSpec spec = disk(16 * MiB);
  spec.sharable = true;
  const std::string vdi = world_->vdi_create(sr_.uuid, spec).uuid;
  attach(vdi, "a");
  attach(vdi, "b");
  EXPECT_FAILURE("VDI_IS_SHARABLE", world_->vdi_snapshot(sr_.uuid, vdi, {}));
  detach(vdi, "a");
  detach(vdi, "b");
  EXPECT_FAILURE("VDI_IS_SHARABLE", world_->vdi_clone(sr_.uuid, vdi, {}));
  EXPECT_EQ(uuids(), std::set<std::string>{vdi});
}

TEST_P(Conformance, RestartChangesNothing) {
  const VdiInfo a = make(16 * MiB, "a");
  const VdiInfo b = world_->vdi_snapshot(sr_.uuid, a.uuid, named("b"));
  attach(a.uuid, "p");
  world_->vdi_attach(sr_.uuid, b.uuid, "q", false);
  const std::string path = world_->vdi_source(sr_.uuid, a.uuid).path;
  const auto before = uuids();
  world_.restart();
  EXPECT_EQ(world_->srs(), std::vector<std::string>{sr_.uuid});
  EXPECT_EQ(uuids(), before);
  EXPECT_EQ(find(b.uuid).snapshot_of, a.uuid);
  EXPECT_EQ(find(b.uuid).snapshot_time, b.snapshot_time);
  EXPECT_EQ(world_->vdi_source(sr_.uuid, a.uuid).path, path);
  const auto paths = world_->data_paths();
  ASSERT_EQ(paths.size(), 2u);
  for (const DataPath& kept : paths) {
    EXPECT_EQ(kept.activated, kept.id == "p");
    EXPECT_EQ(kept.read_write, kept.id == "p");
  }
  EXPECT_FAILURE("VDI_IN_USE", world_->vdi_destroy(sr_.uuid, a.uuid));
  EXPECT_TRUE(world_.reports.empty());
}

TEST_P(Conformance, UnpluggedMeansGoneButNotForgotten) {
  const std::string vdi = make().uuid;
  world_->sr_unplug(sr_.uuid);
  EXPECT_TRUE(world_->srs().empty());
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->sr_scan(sr_.uuid));
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->sr_state(sr_.uuid));
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->sr_unplug(sr_.uuid));
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->vdi_create(sr_.uuid, disk(MiB)));
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->vdi_attach(sr_.uuid, vdi, "p", true));
  world_.restart();
  EXPECT_TRUE(world_->srs().empty());
  world_->sr_plug(sr_);
  world_->sr_plug(sr_);
  EXPECT_EQ(uuids(), std::set<std::string>{vdi});
}

TEST_P(Conformance, CreateRefusesToOverwriteAndDestroyRemovesAll) {
  make();
  EXPECT_FAILURE(GetParam() == "ext" ? "SR_DEVICE_IN_USE" : "SR_UUID_EXISTS",
                 world_->sr_create(sr_, 0));
  world_->sr_unplug(sr_.uuid);
  EXPECT_FAILURE("SR_UUID_EXISTS", world_->sr_create(sr_, 0));
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->sr_destroy(sr_));
  world_->sr_plug(sr_);
  world_->sr_destroy(sr_);
  EXPECT_TRUE(world_->srs().empty());
  EXPECT_FAILURE("SR_BACKEND_FAILURE_47", world_->sr_plug(sr_));
  world_.restart();
  EXPECT_TRUE(world_->srs().empty());
  world_->sr_create(sr_, 0);
  world_->sr_plug(sr_);
  EXPECT_TRUE(uuids().empty());
}

TEST_P(Conformance, ManyThreadsAtOnceKeepItWhole) {
  constexpr int threads = 8;
  constexpr int rounds = 4;
  const std::string shared = make(8 * MiB, "shared").uuid;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < threads; ++worker)
    workers.emplace_back([&, worker] {
      for (int round = 0; round < rounds; ++round) {
        const std::string id = std::to_string(worker) + '.' + std::to_string(round);
        const std::string own = make(8 * MiB, id).uuid;
        const std::string clone = world_->vdi_clone(sr_.uuid, shared, named("c" + id)).uuid;
        attach(clone, id);
        world_->vdi_snapshot(sr_.uuid, clone, named("s" + id));
        world_->sr_scan(sr_.uuid);
        detach(clone, id);
        world_->vdi_destroy(sr_.uuid, own);
        world_->vdi_destroy(sr_.uuid, clone);
      }
    });
  for (std::thread& worker : workers) worker.join();
  // Only the shared disk and a snapshot for each round are left.
  EXPECT_EQ(uuids().size(), 1u + threads * rounds);
  EXPECT_TRUE(world_->data_paths().empty());
  world_.restart();
  EXPECT_EQ(uuids().size(), 1u + threads * rounds);
  for (const VdiInfo& info : world_->sr_scan(sr_.uuid)) {
    EXPECT_TRUE(info.name == "shared" || info.name.front() == 's');
    attach(info.uuid, info.uuid, false);
  }
}

}  // namespace
}  // namespace xcp::sm::test
