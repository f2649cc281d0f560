// SPDX-License-Identifier: GPL-2.0-or-later
// VM.pool_migrate: to its own host, to others, and what the receiving end says when it cannot.
#include "world.hpp"

namespace xcp::xapi::test {

using model::Value;
using model::VM;

namespace {

using TextMap = std::map<std::string, std::string>;

class VmMigrate : public testing::Test {
 protected:
  VmMigrate() : vm(world.make_vm()), vif(world.make_vif(vm, world.make_network())) {
    world.call("VM.start", {vm.str(), false, false});
  }
  std::string migrate(const std::string& host) {
    return world.failure_of("VM.pool_migrate", {vm.str(), host, model::to_value(TextMap{})});
  }
  std::string here() { return world.services().host.str(); }
  std::int64_t domid() { return world.hypervisor().domain(world.get(vm, VM::uuid))->domid; }
  void fault(const std::string& method, const std::string& code) {
    world.hypervisor().control(
        "fault", {{"method", method}, {"kind", "fail"}, {"point", "middle"}, {"code", code}});
  }

  World world;
  Ref<VM> vm;
  Ref<model::VIF> vif;
};

TEST_F(VmMigrate, ItGetsANewDomainOnItsHost) {
  const std::int64_t before = domid();
  EXPECT_EQ(migrate(here()), "");
  EXPECT_NE(domid(), before);
  EXPECT_EQ(world.get(vm, VM::domid), domid());
  EXPECT_EQ(world.get(vm, VM::power_state), model::VmPowerState::Running);
  EXPECT_EQ(world.get(vm, VM::resident_on), world.services().host);
  EXPECT_TRUE(world.get(vif, model::VIF::currently_attached));
  EXPECT_EQ(world.hypervisor().domains().size(), 1u);
}

TEST_F(VmMigrate, AnotherHostIsOutOfReach) {
  Ref<model::host> other;
  world.store().commit([&](db::Transaction& change) {
    other = change.create<model::host>(empty_record<model::host>());
  });
  EXPECT_EQ(migrate(other.str()), "HOST_OFFLINE");
  EXPECT_EQ(migrate("OpaqueRef:nobody"), "HANDLE_INVALID");
}

TEST_F(VmMigrate, WhatFailsIsToldAndTheGuestRunsOn) {
  const std::string before = world.state();
  fault("migrate_receive", "HOST_NOT_ENOUGH_FREE_MEMORY");
  EXPECT_EQ(migrate(here()), "HOST_NOT_ENOUGH_FREE_MEMORY");
  fault("migrate_send", "INTERNAL_ERROR");
  EXPECT_EQ(migrate(here()), "VM_MIGRATE_FAILED");
  EXPECT_EQ(world.state(), before);
  EXPECT_EQ(migrate(here()), "");
}

}  // namespace
}  // namespace xcp::xapi::test
