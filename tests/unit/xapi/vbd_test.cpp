// SPDX-License-Identifier: GPL-2.0-or-later
// VBDs: places, disks and media, plugged and unplugged.
#include "world.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::Value;
using model::VBD;
using model::VbdMode;
using model::VbdType;
using model::VDI;
using model::VM;

namespace {

using Strings = std::vector<std::string>;

class Vbd : public testing::Test {
 protected:
  Vbd() : sr(world.make_sr("dummy")), vm(world.make_vm()) {}

  void start() { world.call("VM.start", {vm.str(), false, false}); }

  std::string create(const std::function<void(model::RecordValue&)>& edit) {
    auto record = full_record<VBD>();
    record.set(VBD::VM, vm);
    record.set(VBD::userdevice, "autodetect");
    record.set(VBD::mode, VbdMode::RW);
    record.set(VBD::type, VbdType::Disk);
    edit(record);
    return world.failure_of("VBD.create", {record});
  }

  std::optional<hypervisor::DiskSpec> disk(const std::string& device) {
    const auto domain = world.hypervisor().domain(world.get(vm, VM::uuid));
    if (!domain) return std::nullopt;
    for (const hypervisor::DiskSpec& spec : domain->disks)
      if (spec.device == device) return spec;
    return std::nullopt;
  }

  World world;
  Ref<SR> sr;
  Ref<VM> vm;
};

TEST_F(Vbd, GetsAPlace) {
  const Ref<VDI> vdi = world.make_vdi(sr);
  EXPECT_EQ(world.get(world.make_vbd(vm, vdi), VBD::userdevice), "0");
  EXPECT_EQ(world.get(world.make_vbd(vm, vdi, "hdc"), VBD::userdevice), "2");
  EXPECT_EQ(world.get(world.make_vbd(vm, vdi, "xvdf"), VBD::userdevice), "5");
  EXPECT_EQ(world.get(world.make_vbd(vm, vdi, "autodetect"), VBD::userdevice), "1");
  EXPECT_EQ(create([&](auto& r) {
              r.set(VBD::VDI, vdi);
              r.set(VBD::userdevice, "2");
            }),
            "DEVICE_ALREADY_EXISTS");
  for (const char* bad : {"-1", "256", "xvdz", "hd", "1a", "9999"})
    EXPECT_EQ(create([&](auto& r) {
                r.set(VBD::VDI, vdi);
                r.set(VBD::userdevice, bad);
              }),
              "INVALID_DEVICE")
        << bad;
  const auto allowed =
      model::from_value<Strings>(world.call("VM.get_allowed_VBD_devices", {vm.str()}));
  EXPECT_EQ(allowed.front(), "3");
  EXPECT_EQ(allowed.size(), 12u);
}

TEST_F(Vbd, RefusesMediaThatCannotBe) {
  const Ref<VDI> vdi = world.make_vdi(sr);
  EXPECT_EQ(create([&](auto& r) {
              r.set(VBD::VDI, vdi);
              r.set(VBD::type, VbdType::CD);
            }),
            "VBD_CDS_MUST_BE_READONLY");
  EXPECT_EQ(create([&](auto& r) { r.set(VBD::empty, true); }), "INVALID_VALUE");
  EXPECT_EQ(create([](auto&) {}), "HANDLE_INVALID");
  world.call("VDI.set_read_only", {vdi.str(), true});
  EXPECT_EQ(create([&](auto& r) { r.set(VBD::VDI, vdi); }), "VDI_READONLY");
  EXPECT_EQ(create([&](auto& r) {
              r.set(VBD::VDI, vdi);
              r.set(VBD::mode, VbdMode::RO);
            }),
            "");
}

TEST_F(Vbd, IsPluggedAndUnplugged) {
  start();
  const Ref<VDI> vdi = world.make_vdi(sr);
  const Ref<VBD> vbd = world.make_vbd(vm, vdi, "4");
  world.call("VBD.assert_attachable", {vbd.str()});
  EXPECT_FALSE(disk("4"));
  world.call("VBD.plug", {vbd.str()});
  EXPECT_TRUE(world.get(vbd, VBD::currently_attached));
  EXPECT_FALSE(world.get(vbd, VBD::device).empty());
  EXPECT_TRUE(disk("4"));
  EXPECT_EQ(world.storage().data_paths().size(), 1u);
  EXPECT_EQ(world.failure_of("VBD.plug", {vbd.str()}), "DEVICE_ALREADY_ATTACHED");
  EXPECT_EQ(world.failure_of("VBD.destroy", {vbd.str()}), "OPERATION_NOT_ALLOWED");
  world.call("VBD.unplug", {vbd.str()});
  EXPECT_FALSE(world.get(vbd, VBD::currently_attached));
  EXPECT_FALSE(disk("4"));
  EXPECT_TRUE(world.storage().data_paths().empty());
  EXPECT_EQ(world.failure_of("VBD.unplug", {vbd.str()}), "DEVICE_ALREADY_DETACHED");
  world.call("VBD.plug", {vbd.str()});
  world.call("VBD.unplug_force", {vbd.str()});
  world.call("VBD.destroy", {vbd.str()});
  EXPECT_FALSE(world.view().find(vbd));
  EXPECT_TRUE(world.view().find(vdi));
}

TEST_F(Vbd, NeedsARunningVmToBePlugged) {
  const Ref<VBD> vbd = world.make_vbd(vm, world.make_vdi(sr));
  EXPECT_EQ(world.failure_of("VBD.plug", {vbd.str()}), "VM_BAD_POWER_STATE");
  EXPECT_EQ(world.failure_of("VBD.unplug", {vbd.str()}), "VM_BAD_POWER_STATE");
  world.call("VBD.assert_attachable", {vbd.str()});
}

TEST_F(Vbd, AGuestThatDoesNotLetGoKeepsItsDisk) {
  start();
  const Ref<VBD> vbd = world.make_vbd(vm, world.make_vdi(sr), "4");
  world.call("VBD.plug", {vbd.str()});
  world.hypervisor().control("behaviour", {{"ignore_unplug", "true"}});
  world.hypervisor().control("timing", {{"unplug_timeout", "0"}});
  try {
    world.call("VBD.unplug", {vbd.str()});
    FAIL() << "unplugged";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), "DEVICE_DETACH_TIMEOUT");
    EXPECT_EQ(failure.params(), (Strings{"VBD", vbd.str()}));
  }
  EXPECT_TRUE(world.get(vbd, VBD::currently_attached));
  EXPECT_TRUE(disk("4"));
  EXPECT_EQ(world.storage().data_paths().size(), 1u);
}

TEST_F(Vbd, ADiskHasOneWriter) {
  const Ref<VDI> vdi = world.make_vdi(sr);
  world.make_vbd(vm, vdi);
  start();
  const Ref<VM> other = world.make_vm("other");
  const Ref<VBD> second = world.make_vbd(other, vdi);
  EXPECT_EQ(world.failure_of("VBD.assert_attachable", {second.str()}), "VDI_IN_USE");
  const std::string before = world.state();
  EXPECT_EQ(world.failure_of("VM.start", {other.str(), false, false}), "VDI_IN_USE");
  EXPECT_EQ(world.state(), before);
}

TEST_F(Vbd, AMediumIsInsertedIntoARunningGuestAndEjected) {
  const Ref<VDI> medium = world.only_vdi(world.make_iso_sr());
  const Ref<VBD> cd = world.make_cd(vm);
  EXPECT_EQ(world.failure_of("VBD.eject", {cd.str()}), "VBD_IS_EMPTY");
  start();
  ASSERT_TRUE(disk("3"));
  EXPECT_EQ(disk("3")->path, "");
  world.call("VBD.insert", {cd.str(), medium.str()});
  EXPECT_NE(disk("3")->path.find("tools.iso"), std::string::npos);
  EXPECT_FALSE(world.get(cd, VBD::empty));
  EXPECT_EQ(world.get(cd, VBD::VDI), medium);
  EXPECT_EQ(world.storage().data_paths().size(), 1u);
  EXPECT_EQ(world.failure_of("VBD.insert", {cd.str(), medium.str()}), "VBD_NOT_EMPTY");
  EXPECT_EQ(world.failure_of("VBD.unplug", {cd.str()}), "DEVICE_DETACH_REJECTED");
  world.call("VBD.eject", {cd.str()});
  EXPECT_EQ(disk("3")->path, "");
  EXPECT_TRUE(world.get(cd, VBD::empty));
  EXPECT_TRUE(world.storage().data_paths().empty());
}

TEST_F(Vbd, AMediumInAHaltedVmIsARecordOnly) {
  const Ref<VDI> medium = world.only_vdi(world.make_iso_sr());
  const Ref<VBD> cd = world.make_cd(vm, medium);
  const Ref<VBD> vbd = world.make_vbd(vm, world.make_vdi(sr));
  EXPECT_EQ(world.failure_of("VBD.eject", {vbd.str()}), "VBD_NOT_REMOVABLE_MEDIA");
  world.call("VBD.eject", {cd.str()});
  EXPECT_TRUE(world.get(cd, VBD::VDI).is_null());
  world.call("VBD.insert", {cd.str(), medium.str()});
  EXPECT_EQ(world.get(cd, VBD::VDI), medium);
  EXPECT_TRUE(world.storage().data_paths().empty());
  start();
  EXPECT_NE(disk("3")->path, "");
}

TEST_F(Vbd, SettingsAreForTheNextStart) {
  const Ref<VBD> vbd = world.make_vbd(vm, world.make_vdi(sr));
  const Ref<VBD> cd = world.make_cd(vm);
  world.call("VBD.set_mode", {vbd.str(), "RO"});
  EXPECT_EQ(world.get(vbd, VBD::mode), VbdMode::RO);
  EXPECT_EQ(world.failure_of("VBD.set_mode", {cd.str(), "RW"}), "VBD_CDS_MUST_BE_READONLY");
  EXPECT_EQ(world.failure_of("VBD.set_userdevice", {vbd.str(), "3"}), "DEVICE_ALREADY_EXISTS");
  world.call("VBD.set_userdevice", {vbd.str(), "7"});
  EXPECT_EQ(world.get(vbd, VBD::userdevice), "7");
  start();
  EXPECT_TRUE(disk("7")->read_only);
  EXPECT_EQ(world.failure_of("VBD.set_mode", {vbd.str(), "RW"}), "VM_BAD_POWER_STATE");
  EXPECT_EQ(world.failure_of("VBD.set_userdevice", {vbd.str(), "8"}), "DEVICE_ALREADY_ATTACHED");
}

TEST_F(Vbd, IsNotForTheControlDomain) {
  const auto dom0 = world.get(world.services().host, model::host::control_domain);
  const Ref<VDI> vdi = world.make_vdi(sr);
  EXPECT_EQ(create([&](auto& r) {
              r.set(VBD::VM, dom0);
              r.set(VBD::VDI, vdi);
            }),
            "OPERATION_NOT_ALLOWED");
}

}  // namespace
}  // namespace xcp::xapi::test
