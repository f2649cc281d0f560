// SPDX-License-Identifier: GPL-2.0-or-later
// SRs and PBDs: made, scanned, unplugged, forgotten, destroyed.
#include <filesystem>
#include <fstream>

#include "world.hpp"

namespace xcp::xapi::test {

using model::PBD;
using model::SR;
using model::Value;
using model::VBD;
using model::VDI;

namespace {

using TextMap = std::map<std::string, std::string>;

Value text_map(const TextMap& map) {
  return model::to_value(map);
}

std::string uuid_of(World& world, const Ref<SR>& sr) {
  return world.get(sr, SR::uuid);
}

Ref<PBD> pbd_of(World& world, const Ref<SR>& sr) {
  return world.get(sr, SR::PBDs).at(0);
}

TEST(Sr, IsMadePluggedAndRecorded) {
  World world;
  const Ref<SR> sr = world.make_sr("file", "disks");
  EXPECT_EQ(world.get(sr, SR::name_label), "disks");
  EXPECT_EQ(world.get(sr, SR::type), "file");
  EXPECT_EQ(world.get(sr, SR::content_type), "user");
  EXPECT_GT(world.get(sr, SR::physical_size), 0);
  EXPECT_TRUE(world.get(pbd_of(world, sr), PBD::currently_attached));
  EXPECT_EQ(world.storage().srs(), std::vector<std::string>{uuid_of(world, sr)});
  // Nobody chose it as the default.
  EXPECT_TRUE(world.get(world.services().pool, model::pool::default_SR).is_null());
}

TEST(Sr, RefusesDriversAndHostsThatAreNotThere) {
  World world;
  const std::string host = world.services().host.str();
  const std::string before = world.state();
  const Value none = text_map({});
  EXPECT_EQ(world.failure_of("SR.create", {host, none, 0, "a", "", "nosuch", "", false, none}),
            "SR_UNKNOWN_DRIVER");
  EXPECT_EQ(world.failure_of("SR.create", {host, none, 0, "a", "", "file", "", false, none}),
            "SR_BACKEND_FAILURE_94");
  EXPECT_EQ(
      world.failure_of("SR.create", {"OpaqueRef:x", none, 0, "a", "", "dummy", "", false, none}),
      "HANDLE_INVALID");
  EXPECT_EQ(world.state(), before);
}

TEST(Sr, ScanFollowsWhatTheStorageHolds) {
  World world;
  const Ref<SR> sr = world.make_sr("file");
  const Ref<VDI> kept = world.make_vdi(sr, 8 * MiB, "kept");
  const Ref<VDI> used = world.make_vdi(sr, 8 * MiB, "used");
  const Ref<VDI> gone = world.make_vdi(sr, 8 * MiB, "gone");
  world.make_vbd(world.make_vm(), used);
  // Behind the toolstack's back: one disk comes, two go, one is renamed.
  sm::VdiSpec spec;
  spec.name = "new";
  spec.virtual_size = 16 * MiB;
  const sm::VdiInfo made = world.storage().vdi_create(uuid_of(world, sr), spec);
  world.storage().vdi_destroy(uuid_of(world, sr), world.get(gone, VDI::uuid));
  world.storage().vdi_destroy(uuid_of(world, sr), world.get(used, VDI::uuid));
  world.storage().vdi_set(uuid_of(world, sr), world.get(kept, VDI::uuid), {{"name", "renamed"}});

  world.call("SR.scan", {sr.str()});
  const auto found = world.view().find_uuid<VDI>(made.uuid);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)[VDI::virtual_size], 16 * MiB);
  EXPECT_EQ(world.get(kept, VDI::name_label), "renamed");
  EXPECT_FALSE(world.view().find(gone));
  EXPECT_TRUE(world.get(used, VDI::missing)) << "a VM names it, so it is not forgotten";
  EXPECT_EQ(world.get(sr, SR::virtual_allocation), 24 * MiB);
}

TEST(Sr, ScanKnowsSnapshotsByTheirOrigin) {
  World world;
  const Ref<SR> sr = world.make_sr("dummy");
  const Ref<VDI> disk = world.make_vdi(sr);
  const sm::VdiInfo snapshot =
      world.storage().vdi_snapshot(uuid_of(world, sr), world.get(disk, VDI::uuid), {});
  world.call("SR.scan", {sr.str()});
  const auto found = world.view().find_uuid<VDI>(snapshot.uuid);
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)[VDI::is_a_snapshot]);
  EXPECT_EQ((*found)[VDI::snapshot_of], disk);
  EXPECT_EQ(world.get(disk, VDI::snapshots), std::vector<Ref<VDI>>{found->ref()});
}

TEST(Sr, MediaKeepTheNamesTheyWereGiven) {
  World world;
  const Ref<SR> sr = world.make_iso_sr();
  const Ref<VDI> medium = world.only_vdi(sr);
  EXPECT_EQ(world.get(sr, SR::content_type), "iso");
  EXPECT_TRUE(world.get(medium, VDI::read_only));
  world.call("VDI.set_name_label", {medium.str(), "Guest tools"});
  world.call("SR.scan", {sr.str()});
  EXPECT_EQ(world.get(medium, VDI::name_label), "Guest tools");
  EXPECT_EQ(world.failure_of("VDI.destroy", {medium.str()}), "SR_OPERATION_NOT_SUPPORTED");
  EXPECT_EQ(world.failure_of("VDI.set_read_only", {medium.str(), false}),
            "SR_OPERATION_NOT_SUPPORTED");
}

TEST(Sr, IsUnpluggedAndPluggedAgain) {
  World world;
  const Ref<SR> sr = world.make_sr("file");
  const Ref<VDI> vdi = world.make_vdi(sr);
  const Ref<PBD> pbd = pbd_of(world, sr);
  world.call("PBD.unplug", {pbd.str()});
  EXPECT_FALSE(world.get(pbd, PBD::currently_attached));
  EXPECT_TRUE(world.storage().srs().empty());
  EXPECT_EQ(world.failure_of("SR.scan", {sr.str()}), "SR_HAS_NO_PBDS");
  EXPECT_EQ(world.failure_of("VDI.destroy", {vdi.str()}), "SR_HAS_NO_PBDS");
  world.call("PBD.unplug", {pbd.str()});  // nothing happens
  world.call("PBD.plug", {pbd.str()});
  world.call("PBD.plug", {pbd.str()});
  EXPECT_TRUE(world.get(pbd, PBD::currently_attached));
  EXPECT_TRUE(world.view().find(vdi));
}

TEST(Sr, StaysPluggedWhileAGuestUsesIt) {
  World world;
  const Ref<SR> sr = world.make_sr("dummy");
  const auto vm = world.make_vm();
  world.make_vbd(vm, world.make_vdi(sr));
  world.call("VM.start", {vm.str(), false, false});
  EXPECT_EQ(world.failure_of("PBD.unplug", {pbd_of(world, sr).str()}), "VDI_IN_USE");
  EXPECT_EQ(world.failure_of("SR.forget", {sr.str()}), "SR_HAS_PBD");
  EXPECT_EQ(world.failure_of("SR.destroy", {sr.str()}), "SR_HAS_PBD");
}

TEST(Sr, IsForgottenAndIntroducedAgain) {
  World world;
  const Ref<SR> sr = world.make_sr("file");
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "survivor");
  const auto vm = world.make_vm();
  const Ref<VBD> vbd = world.make_vbd(vm, vdi);
  const std::string uuid = uuid_of(world, sr);
  const std::string vdi_uuid = world.get(vdi, VDI::uuid);
  const TextMap config = world.get(pbd_of(world, sr), PBD::device_config);
  world.call("PBD.unplug", {pbd_of(world, sr).str()});
  world.call("SR.forget", {sr.str()});
  EXPECT_FALSE(world.view().find(sr));
  EXPECT_FALSE(world.view().find(vdi));
  EXPECT_FALSE(world.view().find(vbd));
  EXPECT_TRUE(world.view().all<PBD>().empty());

  const auto again =
      world.call_ref<SR>("SR.introduce", {uuid, "again", "", "file", "user", false, text_map({})});
  EXPECT_EQ(
      world.failure_of("SR.introduce", {uuid, "twice", "", "file", "user", false, text_map({})}),
      "SR_UUID_EXISTS");
  auto record = full_record<PBD>();
  record.set(PBD::SR, again);
  record.set(PBD::host, world.services().host);
  record.set(PBD::device_config, config);
  const auto pbd = world.call_ref<PBD>("PBD.create", {record});
  EXPECT_EQ(world.failure_of("PBD.create", {record}), "PBD_EXISTS");
  world.call("PBD.plug", {pbd.str()});
  const auto found = world.view().find_uuid<VDI>(vdi_uuid);
  ASSERT_TRUE(found);
  EXPECT_EQ((*found)[VDI::name_label], "survivor");
}

TEST(Sr, IsDestroyedWithItsDisks) {
  World world;
  const Ref<SR> sr = world.make_sr("file");
  world.make_vdi(sr);
  const std::string location = world.get(pbd_of(world, sr), PBD::device_config).at("location");
  world.call("PBD.unplug", {pbd_of(world, sr).str()});
  world.call("SR.destroy", {sr.str()});
  EXPECT_TRUE(world.view().all<SR>().empty());
  EXPECT_TRUE(world.view().all<VDI>().empty());
  EXPECT_TRUE(world.storage().srs().empty());
  EXPECT_FALSE(std::filesystem::exists(location + "/vdis"));
}

TEST(Sr, ThatIsIndestructibleStays) {
  World world;
  const Ref<SR> sr = world.make_sr("dummy");
  world.call("SR.add_to_other_config", {sr.str(), "indestructible", "true"});
  world.call("PBD.unplug", {pbd_of(world, sr).str()});
  EXPECT_EQ(world.failure_of("SR.destroy", {sr.str()}), "SR_INDESTRUCTIBLE");
}

TEST(Sr, IsFoundByProbing) {
  World world;
  const Ref<SR> sr = world.make_sr("file");
  const std::string host = world.services().host.str();
  const Value config = text_map(world.get(pbd_of(world, sr), PBD::device_config));
  const std::string xml = world.call("SR.probe", {host, config, "file", text_map({})}).as_string();
  EXPECT_NE(xml.find("<SRlist>"), std::string::npos) << xml;
  EXPECT_NE(xml.find(uuid_of(world, sr)), std::string::npos) << xml;
  const Value found = world.call("SR.probe_ext", {host, config, "file", text_map({})});
  ASSERT_EQ(found.as_set().size(), 1u);
  const auto record = found.as_set().front().as_record();
  EXPECT_TRUE(record.get(model::probe_result::complete));
  const auto stat = record.get(model::probe_result::sr);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->get(model::sr_stat::uuid), uuid_of(world, sr));
}

TEST(Sr, OthersSettings) {
  World world;
  const Ref<SR> sr = world.make_sr("dummy");
  world.call("SR.set_name_label", {sr.str(), "renamed"});
  world.call("SR.set_shared", {sr.str(), true});
  EXPECT_EQ(world.get(sr, SR::name_label), "renamed");
  EXPECT_TRUE(world.get(sr, SR::shared));
  const auto types =
      model::from_value<std::vector<std::string>>(world.call("SR.get_supported_types", {}));
  EXPECT_EQ(types, (std::vector<std::string>{"dummy", "ext", "file", "iso"}));
  EXPECT_EQ(
      model::from_value<std::vector<Ref<model::host>>>(world.call("SR.get_live_hosts", {sr.str()})),
      std::vector<Ref<model::host>>{world.services().host});
  EXPECT_EQ(world.failure_of("PBD.set_device_config", {pbd_of(world, sr).str(), text_map({})}),
            "OPERATION_NOT_ALLOWED");
  EXPECT_EQ(world.failure_of("PBD.destroy", {pbd_of(world, sr).str()}), "OPERATION_NOT_ALLOWED");
}

// After a kill the records follow the storage, whatever was done and not recorded.
TEST(Sr, DisksAreCountedAnewWhenTheToolstackStarts) {
  WorldSettings settings;
  settings.on_disk = true;
  World world(settings);
  const Ref<SR> sr = world.make_sr("file");
  const Ref<VDI> vdi = world.make_vdi(sr);
  world.storage().vdi_destroy(uuid_of(world, sr), world.get(vdi, VDI::uuid));
  sm::VdiSpec spec;
  spec.virtual_size = 8 * MiB;
  const std::string made = world.storage().vdi_create(uuid_of(world, sr), spec).uuid;
  world.restart(true);
  EXPECT_FALSE(world.view().find(vdi));
  EXPECT_TRUE(world.view().find_uuid<VDI>(made));
}

}  // namespace
}  // namespace xcp::xapi::test
