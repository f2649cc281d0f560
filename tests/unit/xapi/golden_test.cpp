// SPDX-License-Identifier: GPL-2.0-or-later
// Golden files: the text of plans, and the VmSpec and NetworkSpec made from records.
#include "base/describe.hpp"
#include "world.hpp"
#include "xapi/plans/device_plans.hpp"
#include "xapi/plans/migrate_plan.hpp"
#include "xapi/plans/network_spec.hpp"
#include "xapi/plans/storage_plans.hpp"
#include "xapi/plans/vm_plans.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

// One member a line, so that a change shows as one line.
void write_lines(std::string& out, const json::value& value, const std::string& indent) {
  if (value.is_object() && !value.as_object().empty()) {
    out += "{\n";
    for (const auto& [key, member] : value.as_object()) {
      out += indent + "  " + std::string(key) + ": ";
      write_lines(out, member, indent + "  ");
    }
    out += indent + "}\n";
  } else if (value.is_array() && !value.as_array().empty()) {
    out += "[\n";
    for (const json::value& member : value.as_array()) {
      out += indent + "  ";
      write_lines(out, member, indent + "  ");
    }
    out += indent + "]\n";
  } else {
    out += json_text(value) + "\n";
  }
}

template <class T>
std::string lines_of(const T& described) {
  std::string out;
  write_lines(out, to_json(described), "");
  return out;
}

class Golden : public testing::Test {
 protected:
  Golden() : sr(world.make_sr("dummy")), vm(world.make_vm("web server")) {
    vdi = world.make_vdi(sr);
    vbd = world.make_vbd(vm, vdi, "0");
    data = world.make_vbd(vm, world.make_vdi(sr), "1", model::VbdMode::RO);
    cd = world.make_cd(vm);
    net = world.make_network();
    vif = world.make_vif(vm, net);
  }

  Services& services() { return world.services(); }
  template <class C>
  db::Object<C> object(const Ref<C>& ref) {
    return world.view().get(ref);
  }
  void expect_plan(const std::string& name, const Plan& plan) {
    expect_golden("plans/" + name + ".txt", plan.text());
  }
  StoredDiskPtr stored() { return std::make_shared<StoredDisk>(); }

  World world;
  Ref<SR> sr;
  Ref<VM> vm;
  Ref<VDI> vdi;
  Ref<VBD> vbd;
  Ref<VBD> data;
  Ref<VBD> cd;
  Ref<model::network> net;
  Ref<VIF> vif;
};

TEST_F(Golden, PlansOfVms) {
  const auto started = std::make_shared<Started>();
  expect_plan("vm_start", start_plan(services(), world.view(), object(vm), false, started));
  expect_plan("vm_start_paused", start_plan(services(), world.view(), object(vm), true, started));
  expect_plan("vm_stop", stop_plan(services(), world.view(), object(vm)));
  expect_plan("vm_suspend",
              suspend_plan(services(), world.view(), object(vm), sr, memory_image(object(vm)),
                           std::make_shared<sm::VdiInfo>()));
  expect_plan("vm_suspend_release",
              release_plan(services(), world.view(), object(vm), sr, sm::VdiInfo{}));
  expect_plan("vm_pool_migrate", migrate_plan(services(), object(vm), true, started));
  world.store().commit([&](db::Transaction& change) { change.set(vm, VM::suspend_VDI, vdi); });
  expect_plan("vm_resume", resume_plan(services(), world.view(), object(vm), false, started));
}

TEST_F(Golden, PlansOfDevices) {
  const auto other = world.make_network("other");
  const db::Snapshot view = world.view();
  expect_plan("vbd_plug", plug_vbd_plan(services(), view, object(vbd)));
  expect_plan("vbd_unplug", unplug_vbd_plan(services(), view, object(vbd)));
  expect_plan("vbd_insert", insert_medium_plan(services(), view, object(cd), object(vdi)));
  expect_plan("vif_plug", plug_vif_plan(services(), view, object(vif)));
  expect_plan("vif_unplug", unplug_vif_plan(services(), view, object(vif)));
  expect_plan("vif_move", move_vif_plan(services(), view, object(vif), other));
  EXPECT_THROW(plug_vbd_plan(services(), view, object(cd)), Failure);
  world.store().commit([&](db::Transaction& change) {
    change.set(cd, VBD::VDI, vdi);
    change.set(cd, VBD::empty, false);
  });
  expect_plan("vbd_eject", eject_medium_plan(services(), world.view(), object(cd)));
}

TEST_F(Golden, PlansOfStorage) {
  const sm::SrSpec spec = sr_spec(object(sr), object(world.get(sr, SR::PBDs).at(0)));
  const auto content = std::make_shared<SrContent>();
  const Cancelled never = [] { return false; };
  expect_plan("sr_create", create_sr_plan(services(), spec, 0, content));
  expect_plan("sr_destroy", destroy_sr_plan(services(), spec));
  expect_plan("sr_scan", scan_sr_plan(services(), spec.uuid, content));
  expect_plan("pbd_plug", plug_pbd_plan(services(), spec, content));
  expect_plan("pbd_unplug", unplug_pbd_plan(services(), spec));
  expect_plan("vdi_create", create_vdi_plan(services(), spec.uuid, {}, never, stored()));
  expect_plan("vdi_copy",
              copy_vdi_plan(services(), spec.uuid, "a", spec.uuid, {}, never, stored()));
  expect_plan("vdi_destroy", destroy_vdi_plan(services(), spec.uuid, "a", stored()));
  expect_plan("vdi_resize", resize_vdi_plan(services(), spec.uuid, "a", 1, stored()));
  expect_plan("vdi_revert", revert_vdi_plan(services(), spec.uuid, "a", "b", stored()));
  expect_plan("vdi_snapshot",
              branch_vdi_plan(services(), world.view(), Branch::snapshot, {vdi, "", {}, stored()}));
  const Ref<VDI> unused = world.make_vdi(sr);
  expect_plan("vdi_clone_unused",
              branch_vdi_plan(services(), world.view(), Branch::clone, {unused, "", {}, stored()}));
}

// The records have uuids and addresses of this run; the golden text has names instead.
TEST_F(Golden, VmSpec) {
  world.store().commit([&](db::Transaction& change) {
    change.set(vm, VM::uuid, "11111111-2222-4333-8444-555555555555");
    change.set(vdi, VDI::uuid, "aaaaaaaa-0000-4000-8000-000000000001");
    change.set(world.get(data, VBD::VDI), VDI::uuid, "aaaaaaaa-0000-4000-8000-000000000002");
    change.set(vif, VIF::MAC, "02:00:00:00:00:01");
    change.set(vif, VIF::other_config, {{"port-forwards", "2222:22 0:80"}});
    change.set(vm, VM::platform, {{"localtime", "true"}, {"videoram", "8"}});
    change.set(vm, VM::HVM_boot_params, {{"firmware", "uefi"}, {"order", "dc"}});
    change.set(vm, VM::actions_after_reboot, model::OnNormalExit::Restart);
    change.set(vbd, VBD::bootable, true);
    change.set(vbd, VBD::qos_algorithm_params, {{"read_iops_sec", "100"}});
  });
  DeviceBackings backings;
  backings.disks[world.get(vbd, VBD::uuid)] = {"/sr/system.qcow2", sm::ImageFormat::qcow2, false};
  backings.disks[world.get(data, VBD::uuid)] = {"/sr/data.raw", sm::ImageFormat::raw, true};
  backings.ports[world.get(vif, VIF::uuid)] = {network::Backend::bridge, "xapi0", "vif1.0", 9000};
  expect_golden("vm_spec/disks_cd_nic.txt", lines_of(vm_spec(world.view(), object(vm), backings)));
  backings.ports[world.get(vif, VIF::uuid)] = {network::Backend::user, "", "", 1500};
  expect_golden("vm_spec/user_network.txt", lines_of(vm_spec(world.view(), object(vm), backings)));
  expect_golden("vm_spec/no_backings.txt",
                lines_of(vm_spec(world.view(), object(vm), DeviceBackings{})));
}

TEST_F(Golden, VmSpecOfAnotherType) {
  const auto set_type = [&](model::DomainType type, const char* policy) {
    world.store().commit([&](db::Transaction& change) {
      change.set(vm, VM::uuid, "11111111-2222-4333-8444-555555555555");
      change.set(vm, VM::HVM_boot_params, {{"firmware", "uefi"}, {"order", "c"}});
      change.set(vm, VM::PV_kernel, "/boot/guest");
      change.set(vm, VM::domain_type, type);
      change.set(vm, VM::HVM_boot_policy, policy);
    });
    return vm_spec(world.view(), object(vm), DeviceBackings{});
  };
  expect_golden("vm_spec/pvh.txt", lines_of(set_type(model::DomainType::Pvh, "")));
  using hypervisor::GuestType;
  EXPECT_EQ(set_type(model::DomainType::Pv, "BIOS order").type, GuestType::pv);
  EXPECT_EQ(set_type(model::DomainType::Unspecified, "").type, GuestType::pv);
  EXPECT_EQ(set_type(model::DomainType::Unspecified, "BIOS order").type, GuestType::hvm);
  EXPECT_THROW(set_type(model::DomainType::PvInPvh, ""), Failure);
}

TEST_F(Golden, NetworkSpec) {
  const auto pif = *world.view().find_if<model::PIF>(
      [](const auto& card) { return card[model::PIF::device] == "eth1"; });
  const auto wired = pif[model::PIF::network];
  world.store().commit([&](db::Transaction& change) {
    change.set(net, model::network::uuid, "bbbbbbbb-0000-4000-8000-000000000001");
    change.set(net, model::network::MTU, 9000);
    change.set(wired, model::network::uuid, "bbbbbbbb-0000-4000-8000-000000000002");
    change.set(wired, model::network::name_label, "wired");
  });
  const Ref<model::host> host = services().host;
  expect_golden("network_spec/internal.txt",
                lines_of(network_spec(world.view(), object(net), host)));
  expect_golden("network_spec/with_card.txt",
                lines_of(network_spec(world.view(), object(wired), host)));
  world.store().commit([&](db::Transaction& change) {
    change.set(pif.ref(), model::PIF::currently_attached, false);
  });
  expect_golden("network_spec/card_unplugged.txt",
                lines_of(network_spec(world.view(), object(wired), host)));
}

}  // namespace
}  // namespace xcp::xapi::test
