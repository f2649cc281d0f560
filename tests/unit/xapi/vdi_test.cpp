// SPDX-License-Identifier: GPL-2.0-or-later
// VDIs: made, branched, copied, resized, reverted, forgotten; what a running guest does to that.
#include "world.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::Value;
using model::VBD;
using model::VDI;
using model::VM;
using Op = model::VdiOperations;

namespace {

using TextMap = std::map<std::string, std::string>;

Value no_map() {
  return model::to_value(TextMap{});
}

class Vdi : public testing::Test {
 protected:
  Vdi() : sr(world.make_sr("file")) {}

  bool allowed(const Ref<VDI>& vdi, Op operation) {
    for (const Op op : world.get(vdi, VDI::allowed_operations))
      if (op == operation) return true;
    return false;
  }

  // A running VM with this disk.
  Ref<VM> start_with(const Ref<VDI>& vdi) {
    const Ref<VM> vm = world.make_vm();
    world.make_vbd(vm, vdi);
    world.call("VM.start", {vm.str(), false, false});
    return vm;
  }

  std::string open_path(const Ref<VM>& vm) {
    return world.hypervisor().domain(world.get(vm, VM::uuid))->disks.at(0).path;
  }

  std::string path_of(const Ref<VDI>& vdi) {
    return world.storage().vdi_source(world.get(sr, SR::uuid), world.get(vdi, VDI::uuid)).path;
  }

  World world;
  Ref<SR> sr;
};

TEST_F(Vdi, IsMadeAndDestroyed) {
  auto record = full_record<VDI>();
  record.set(VDI::SR, sr);
  record.set(VDI::name_label, "system");
  record.set(VDI::name_description, "for tests");
  record.set(VDI::virtual_size, 10 * MiB + 1);
  record.set(VDI::type, model::VdiType::System);
  record.set(VDI::other_config, {{"a", "b"}});
  record.set(VDI::tags, {"red"});
  const auto vdi = world.call_ref<VDI>("VDI.create", {record});
  EXPECT_EQ(world.get(vdi, VDI::name_label), "system");
  EXPECT_EQ(world.get(vdi, VDI::type), model::VdiType::System);
  EXPECT_EQ(world.get(vdi, VDI::other_config), (TextMap{{"a", "b"}}));
  EXPECT_EQ(world.get(vdi, VDI::tags), std::vector<std::string>{"red"});
  EXPECT_GE(world.get(vdi, VDI::virtual_size), 10 * MiB + 1);
  EXPECT_EQ(world.get(sr, SR::virtual_allocation), world.get(vdi, VDI::virtual_size));
  EXPECT_TRUE(world.get(vdi, VDI::current_operations).empty());
  world.call("VDI.destroy", {vdi.str()});
  EXPECT_FALSE(world.view().find(vdi));
  EXPECT_TRUE(world.storage().sr_scan(world.get(sr, SR::uuid)).empty());
  EXPECT_EQ(world.get(sr, SR::virtual_allocation), 0);
}

TEST_F(Vdi, RefusesWhatCannotBe) {
  auto record = full_record<VDI>();
  EXPECT_EQ(world.failure_of("VDI.create", {record}), "HANDLE_INVALID");
  record.set(VDI::SR, sr);
  EXPECT_EQ(world.failure_of("VDI.create", {record}), "VDI_TOO_SMALL");
}

TEST_F(Vdi, FailuresNameReferences) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  world.storage().vdi_destroy(world.get(sr, SR::uuid), world.get(vdi, VDI::uuid));
  try {
    world.call("VDI.resize", {vdi.str(), 16 * MiB});
    FAIL() << "a disk that is gone was resized";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "VDI_MISSING");
    EXPECT_EQ(failure.params(), (std::vector<std::string>{sr.str(), vdi.str()}));
  }
}

TEST_F(Vdi, IsBranched) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "origin");
  world.call("VDI.add_to_other_config", {vdi.str(), "key", "value"});
  const auto snapshot = world.call_ref<VDI>("VDI.snapshot", {vdi.str(), no_map()});
  EXPECT_EQ(world.get(snapshot, VDI::name_label), "origin");
  EXPECT_TRUE(world.get(snapshot, VDI::is_a_snapshot));
  EXPECT_TRUE(world.get(snapshot, VDI::read_only));
  EXPECT_EQ(world.get(snapshot, VDI::snapshot_of), vdi);
  EXPECT_EQ(world.get(snapshot, VDI::other_config), (TextMap{{"key", "value"}}));
  const auto clone = world.call_ref<VDI>("VDI.clone", {snapshot.str(), no_map()});
  EXPECT_FALSE(world.get(clone, VDI::is_a_snapshot));
  EXPECT_FALSE(world.get(clone, VDI::read_only));
  EXPECT_TRUE(world.get(clone, VDI::snapshot_of).is_null());
}

TEST_F(Vdi, IsCopiedIntoAnotherSr) {
  const Ref<SR> other = world.make_sr("file", "other");
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "origin");
  const std::string null(null_ref_text);
  const auto copy = world.call_ref<VDI>("VDI.copy", {vdi.str(), other.str(), null, null});
  EXPECT_EQ(world.get(copy, VDI::SR), other);
  EXPECT_EQ(world.get(copy, VDI::name_label), "origin");
  EXPECT_EQ(world.get(copy, VDI::virtual_size), 8 * MiB);
  EXPECT_EQ(world.get(other, SR::virtual_allocation), 8 * MiB);
  EXPECT_EQ(world.failure_of("VDI.copy", {vdi.str(), other.str(), null, copy.str()}),
            "NOT_IMPLEMENTED");
}

TEST_F(Vdi, GrowsAndDoesNotShrink) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  world.call("VDI.resize", {vdi.str(), 16 * MiB});
  EXPECT_EQ(world.get(vdi, VDI::virtual_size), 16 * MiB);
  EXPECT_EQ(world.get(sr, SR::virtual_allocation), 16 * MiB);
  EXPECT_EQ(world.failure_of("VDI.resize", {vdi.str(), 4 * MiB}), "VDI_TOO_SMALL");
}

TEST_F(Vdi, IsReverted) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const auto snapshot = world.call_ref<VDI>("VDI.snapshot", {vdi.str(), no_map()});
  world.call("VDI.resize", {vdi.str(), 16 * MiB});
  world.call("VDI.revert", {snapshot.str()});
  EXPECT_EQ(world.get(vdi, VDI::virtual_size), 8 * MiB);
  EXPECT_EQ(world.failure_of("VDI.revert", {vdi.str()}), "OPERATION_NOT_ALLOWED");
}

TEST_F(Vdi, IsForgottenAndIntroduced) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB, "old name");
  const std::string uuid = world.get(vdi, VDI::uuid);
  world.call("VDI.forget", {vdi.str()});
  EXPECT_FALSE(world.view().find(vdi));
  const auto introduce = [&](const std::string& which) {
    return world.call_ref<VDI>(
        "VDI.introduce",
        {which, "new name", "", sr.str(), static_cast<int>(model::VdiType::User), false, false,
         model::to_value(TextMap{{"a", "b"}}), "", no_map(), no_map(), true, 0, 0,
         std::string(null_ref_text), false, 0, std::string(null_ref_text)});
  };
  const Ref<VDI> again = introduce(uuid);
  EXPECT_EQ(world.get(again, VDI::uuid), uuid);
  EXPECT_EQ(world.get(again, VDI::name_label), "new name");
  EXPECT_EQ(world.get(again, VDI::other_config), (TextMap{{"a", "b"}}));
  EXPECT_THROW(introduce(uuid), Failure);
  EXPECT_THROW(introduce(make_uuid()), Failure);
}

TEST_F(Vdi, ChangesReachTheStorage) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  world.call("VDI.set_name_label", {vdi.str(), "label"});
  world.call("VDI.set_name_description", {vdi.str(), "description"});
  world.call("VDI.set_read_only", {vdi.str(), true});
  const auto info = world.storage().sr_scan(world.get(sr, SR::uuid)).at(0);
  EXPECT_EQ(info.name, "label");
  EXPECT_EQ(info.description, "description");
  EXPECT_TRUE(info.read_only);
  EXPECT_TRUE(world.get(vdi, VDI::read_only));
  EXPECT_EQ(world.get(vdi, VDI::name_label), "label");
}

TEST_F(Vdi, OfARunningGuestIsLeftAlone) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  start_with(vdi);
  for (const Op op : {Op::Destroy, Op::Resize, Op::Copy, Op::Forget, Op::RevertTo})
    EXPECT_FALSE(allowed(vdi, op)) << model::to_string(op);
  EXPECT_TRUE(allowed(vdi, Op::Snapshot));
  EXPECT_EQ(world.failure_of("VDI.destroy", {vdi.str()}), "VDI_IN_USE");
  EXPECT_EQ(world.failure_of("VDI.resize", {vdi.str(), 16 * MiB}), "VDI_IN_USE");
  EXPECT_EQ(world.failure_of("VDI.forget", {vdi.str()}), "VDI_IN_USE");
  EXPECT_EQ(world.failure_of("VDI.set_read_only", {vdi.str(), true}), "VDI_IN_USE");
  world.call("VDI.set_name_label", {vdi.str(), "while running"});
}

TEST_F(Vdi, ARunningGuestIsSwitchedWhenItsDiskIsBranched) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const Ref<VM> vm = start_with(vdi);
  const std::string before = open_path(vm);
  EXPECT_EQ(before, path_of(vdi));
  const auto snapshot = world.call_ref<VDI>("VDI.snapshot", {vdi.str(), no_map()});
  EXPECT_NE(open_path(vm), before);
  EXPECT_EQ(open_path(vm), path_of(vdi));
  EXPECT_NE(path_of(snapshot), path_of(vdi));
  const std::string second = open_path(vm);
  world.call_ref<VDI>("VDI.clone", {vdi.str(), no_map()});
  EXPECT_NE(open_path(vm), second);
  EXPECT_EQ(open_path(vm), path_of(vdi));
}

TEST_F(Vdi, ASnapshotThatFailsLeavesTheGuestOnItsDisk) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const Ref<VM> vm = start_with(vdi);
  world.hypervisor().control(
      "fault", {{"method", "switch_images"}, {"kind", "fail"}, {"code", "INTERNAL_ERROR"}});
  EXPECT_EQ(world.failure_of("VDI.snapshot", {vdi.str(), no_map()}), "INTERNAL_ERROR");
  EXPECT_EQ(world.view().all<VDI>().size(), 1u);
  EXPECT_EQ(world.storage().sr_scan(world.get(sr, SR::uuid)).size(), 1u);
  EXPECT_EQ(open_path(vm), path_of(vdi));
}

TEST_F(Vdi, AGuestThatCannotBeSwitchedRunsOnUntilItCan) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const Ref<VM> vm = start_with(vdi);
  const std::string before = open_path(vm);
  const std::string fault = world.hypervisor().control(
      "fault",
      {{"method", "switch_images"}, {"kind", "fail"}, {"code", "INTERNAL_ERROR"}, {"count", "0"}});
  EXPECT_EQ(world.failure_of("VDI.snapshot", {vdi.str(), no_map()}), "INTERNAL_ERROR");
  EXPECT_EQ(world.view().all<VDI>().size(), 1u);
  EXPECT_EQ(open_path(vm), before);
  world.hypervisor().control("clear_fault", {{"id", fault}});
  const auto snapshot = world.call_ref<VDI>("VDI.snapshot", {vdi.str(), no_map()});
  EXPECT_EQ(open_path(vm), path_of(vdi));
  EXPECT_NE(path_of(snapshot), path_of(vdi));
}

TEST_F(Vdi, ASuspendedGuestsMemoryIsNotDestroyed) {
  const Ref<VM> vm = start_with(world.make_vdi(sr, 8 * MiB));
  world.call("pool.set_suspend_image_SR", {world.services().pool.str(), sr.str()});
  world.call("VM.suspend", {vm.str()});
  const Ref<VDI> image = world.get(vm, VM::suspend_VDI);
  ASSERT_TRUE(world.view().find(image));
  EXPECT_EQ(world.failure_of("VDI.destroy", {image.str()}), "VDI_IN_USE");
  EXPECT_TRUE(world.storage().data_paths().empty());
  world.call("VM.resume", {vm.str(), false, false});
  EXPECT_FALSE(world.view().find(image));
}

TEST_F(Vdi, WhatIsBeingDoneToADiskKeepsItsVmFromStarting) {
  const Ref<VDI> vdi = world.make_vdi(sr, 8 * MiB);
  const Ref<VM> vm = world.make_vm();
  const Ref<VBD> vbd = world.make_vbd(vm, vdi);
  const auto set_running = [&](const std::map<std::string, Op>& operations) {
    world.store().commit(
        [&](db::Transaction& change) { change.set(vdi, VDI::current_operations, operations); });
  };
  const auto can_start = [&] {
    const auto allowed_now = world.get(vm, VM::allowed_operations);
    return std::find(allowed_now.begin(), allowed_now.end(), model::VmOperations::Start) !=
           allowed_now.end();
  };
  EXPECT_TRUE(can_start());
  set_running({{"OpaqueRef:task", Op::Copy}});
  EXPECT_FALSE(can_start());
  EXPECT_EQ(world.failure_of("VM.start", {vm.str(), false, false}), "OTHER_OPERATION_IN_PROGRESS");
  EXPECT_EQ(world.failure_of("VBD.assert_attachable", {vbd.str()}), "OTHER_OPERATION_IN_PROGRESS");
  EXPECT_EQ(world.failure_of("VDI.snapshot", {vdi.str(), no_map()}), "OTHER_OPERATION_IN_PROGRESS");
  set_running({});
  EXPECT_TRUE(can_start());
}

}  // namespace
}  // namespace xcp::xapi::test
