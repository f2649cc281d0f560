// SPDX-License-Identifier: GPL-2.0-or-later
// What a toolstack that was killed half-way left open, and what becomes of it when it starts again.
#include <chrono>
#include <thread>

#include "world.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

WorldSettings lasting() {
  WorldSettings settings;
  settings.on_disk = true;
  return settings;
}

class ReconcileDevices : public testing::Test {
 protected:
  ReconcileDevices() : world(lasting()), sr(world.make_sr("file")), vm(world.make_vm()) {
    vdi = world.make_vdi(sr, 8 * MiB);
    vbd = world.make_vbd(vm, vdi);
    cd = world.make_cd(vm);
    medium = world.only_vdi(world.make_iso_sr());
    vif = world.make_vif(vm, world.make_network());
    world.call("VM.start", {vm.str(), false, false});
  }

  void restart() {
    world.restart(true);
    world.reconcile();
  }

  void wait_until(const char* what, const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  std::string uuid() { return world.get(vm, VM::uuid); }
  hypervisor::DiskSpec disk(const std::string& device) {
    const auto domain = world.hypervisor().domain(uuid());
    if (!domain) return {};
    for (const auto& spec : domain->disks)
      if (spec.device == device) return spec;
    return {};
  }
  static hypervisor::DiskSpec drive(const std::string& path) {
    hypervisor::DiskSpec spec;
    spec.device = "3";
    spec.cdrom = spec.read_only = true;
    spec.path = path;
    return spec;
  }
  std::set<std::string> paths() {
    std::set<std::string> ids;
    for (const sm::DataPath& path : world.storage().data_paths()) ids.insert(path.id);
    return ids;
  }

  World world;
  Ref<SR> sr;
  Ref<VM> vm;
  Ref<VDI> vdi;
  Ref<VBD> vbd;
  Ref<VBD> cd;
  Ref<VDI> medium;
  Ref<VIF> vif;
};

TEST_F(ReconcileDevices, AGuestIsSwitchedToTheImagesASnapshotLeft) {
  const std::string before = disk("0").path;
  world.storage().vdi_snapshot(world.get(sr, SR::uuid), world.get(vdi, VDI::uuid), {});
  const auto wanted = [&] {
    return world.storage().vdi_source(world.get(sr, SR::uuid), world.get(vdi, VDI::uuid)).path;
  };
  ASSERT_NE(before, wanted());
  restart();
  wait_until("the guest still writes to the old image", [&] { return disk("0").path == wanted(); });
  // And the snapshot that nobody recorded is known.
  EXPECT_EQ(world.get(sr, SR::VDIs).size(), 2u);
}

TEST_F(ReconcileDevices, AMediumThatWasNotRecordedIsTakenOut) {
  const std::string media_sr = world.get(world.get(medium, VDI::SR), SR::uuid);
  const auto source = world.storage().vdi_attach(media_sr, world.get(medium, VDI::uuid),
                                                 world.get(cd, VBD::uuid), false);
  world.hypervisor().change_medium(uuid(), "3", drive(source.path));
  restart();
  wait_until("the medium stays", [&] { return disk("3").path.empty(); });
  wait_until("the data path stays", [&] { return paths().size() == 1; });
  EXPECT_TRUE(world.get(cd, VBD::empty));
}

TEST_F(ReconcileDevices, AMediumThatIsGoneIsRecordedAsGone) {
  world.call("VBD.insert", {cd.str(), medium.str()});
  ASSERT_FALSE(world.get(cd, VBD::empty));
  world.hypervisor().change_medium(uuid(), "3", drive(""));
  restart();
  wait_until("the record stays", [&] { return world.get(cd, VBD::empty); });
  EXPECT_TRUE(world.get(cd, VBD::VDI).is_null());
  wait_until("the data path stays", [&] { return paths().size() == 1; });
}

TEST_F(ReconcileDevices, WhatNoGuestHasIsReleased) {
  // A plug that was killed before the hypervisor was asked, and devices of nobody.
  const Ref<VDI> second = world.make_vdi(sr, 8 * MiB);
  const Ref<VBD> unplugged = world.make_vbd(vm, second, "5");
  world.storage().vdi_attach(world.get(sr, SR::uuid), world.get(second, VDI::uuid),
                             world.get(unplugged, VBD::uuid), true);
  network::PortSpec port;
  port.uuid = make_uuid();
  port.network = world.network().networks().at(0).spec.uuid;
  port.vm = make_uuid();
  port.device = "0";
  port.mac = "02:00:00:00:00:01";
  world.network().add_port(port);
  ASSERT_EQ(paths().size(), 2u);
  ASSERT_EQ(world.network().ports().size(), 2u);
  restart();
  wait_until("the data path stays", [&] { return paths().size() == 1; });
  wait_until("the port stays", [&] { return world.network().ports().size() == 1; });
  // The guest's own are untouched.
  EXPECT_EQ(paths(), std::set<std::string>{world.get(vbd, VBD::uuid)});
  EXPECT_EQ(world.network().ports().at(0).uuid, world.get(vif, VIF::uuid));
  EXPECT_EQ(world.get(vm, VM::power_state), model::VmPowerState::Running);
}

}  // namespace
}  // namespace xcp::xapi::test
