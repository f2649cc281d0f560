// SPDX-License-Identifier: GPL-2.0-or-later
// Every operation on storage, devices and networks, failed at every place it passes: at each step
// of its plan, and at each place inside the daemons where their work is done and only the answer is
// missing. The call must fail and the world must be the one before.
#include <set>

#include "base/fault.hpp"
#include "world.hpp"

namespace xcp::xapi::test {

using model::SR;
using model::Value;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

using TextMap = std::map<std::string, std::string>;
using Operation = std::function<void()>;

struct Scenario {
  const char* name;
  // Prepares the world and says what to do in it.
  Operation (*prepare)(World&);
  // Places behind which there is no way back: what was done is found by the next scan or reconcile.
  std::set<std::string> beyond = {};
  // Places at which the call succeeds all the same.
  std::set<std::string> harmless = {};
};

Operation call(World& world, const std::string& method, std::vector<Value> arguments) {
  return [&world, method, arguments] { world.call(method, arguments); };
}

Value no_map() {
  return model::to_value(TextMap{});
}

// A running guest with a disk on a file SR, an empty CD drive and a NIC.
struct Guest {
  explicit Guest(World& world)
      : sr(world.make_sr("file")),
        vm(world.make_vm()),
        vdi(world.make_vdi(sr, 8 * MiB)),
        vbd(world.make_vbd(vm, vdi)),
        cd(world.make_cd(vm)),
        net(world.make_network()),
        vif(world.make_vif(vm, net)) {
    world.call("pool.set_suspend_image_SR", {world.services().pool.str(), sr.str()});
    // Networks stay once they are up.
    world.call("network.attach", {net.str(), world.services().host.str()});
  }
  void start(World& world) { world.call("VM.start", {vm.str(), false, false}); }

  Ref<SR> sr;
  Ref<VM> vm;
  Ref<VDI> vdi;
  Ref<VBD> vbd;
  Ref<VBD> cd;
  Ref<model::network> net;
  Ref<VIF> vif;
};

Ref<model::PBD> pbd_of(World& world, const Ref<SR>& sr) {
  return world.get(sr, SR::PBDs).at(0);
}

Operation create_sr(World& world, const std::string& type) {
  TextMap config;
  if (type == "file") config["location"] = world.dir() / "new-sr";
  return call(world, "SR.create",
              {world.services().host.str(), model::to_value(config), 0, "new", "", type, "", false,
               no_map()});
}

const std::vector<Scenario> scenarios = {
    {"SrCreateFile", [](World& world) { return create_sr(world, "file"); }},
    {"SrCreateDummy", [](World& world) { return create_sr(world, "dummy"); }},
    {"SrScan",
     [](World& world) {
       const auto sr = world.make_sr("file");
       world.make_vdi(sr);
       return call(world, "SR.scan", {sr.str()});
     }},
    {"PbdPlug",
     [](World& world) {
       const auto sr = world.make_sr("file");
       const auto pbd = pbd_of(world, sr);
       world.call("PBD.unplug", {pbd.str()});
       return call(world, "PBD.plug", {pbd.str()});
     }},
    {"PbdUnplug",
     [](World& world) {
       const auto sr = world.make_sr("file");
       return call(world, "PBD.unplug", {pbd_of(world, sr).str()});
     }},
    {"VdiCreate",
     [](World& world) {
       const auto sr = world.make_sr("file");
       auto record = full_record<VDI>();
       record.set(VDI::SR, sr);
       record.set(VDI::virtual_size, 8 * MiB);
       return call(world, "VDI.create", {record});
     }},
    {"VdiDestroy",
     [](World& world) {
       const auto sr = world.make_sr("file");
       const auto vdi = world.make_vdi(sr);
       return call(world, "VDI.destroy", {vdi.str()});
     },
     {"file.record.removed", "VDI.destroy:record", "VDI.destroy:done"}},
    {"VdiSnapshot",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"));
       return call(world, "VDI.snapshot", {vdi.str(), no_map()});
     }},
    {"VdiClone",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"));
       return call(world, "VDI.clone", {vdi.str(), no_map()});
     }},
    {"VdiSnapshotOfARunningGuest",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       return call(world, "VDI.snapshot", {guest.vdi.str(), no_map()});
     }},
    {"VdiCopy",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"));
       const auto other = world.make_sr("file", "other");
       const std::string null(null_ref_text);
       return call(world, "VDI.copy", {vdi.str(), other.str(), null, null});
     }},
    {"VdiResize",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"), 8 * MiB);
       return call(world, "VDI.resize", {vdi.str(), 16 * MiB});
     },
     // A disk does not shrink.
     {"file.image.grown", "durable.written", "durable.renamed", "VDI.resize:record",
      "VDI.resize:done"}},
    {"VdiRevert",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"), 8 * MiB);
       const auto snapshot = world.call_ref<VDI>("VDI.snapshot", {vdi.str(), no_map()});
       return call(world, "VDI.revert", {snapshot.str()});
     }},
    {"VdiRename",
     [](World& world) {
       const auto vdi = world.make_vdi(world.make_sr("file"));
       return call(world, "VDI.set_name_label", {vdi.str(), "other name"});
     }},
    {"VbdPlug",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       const auto vbd = world.make_vbd(guest.vm, world.make_vdi(guest.sr), "5");
       return call(world, "VBD.plug", {vbd.str()});
     }},
    {"VbdUnplug",
     [](World& world) {
       Guest guest(world);
       const auto vbd = world.make_vbd(guest.vm, world.make_vdi(guest.sr), "5");
       guest.start(world);
       return call(world, "VBD.unplug", {vbd.str()});
     }},
    {"VbdInsert",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       const auto medium = world.only_vdi(world.make_iso_sr());
       return call(world, "VBD.insert", {guest.cd.str(), medium.str()});
     }},
    {"VbdEject",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       const auto medium = world.only_vdi(world.make_iso_sr());
       world.call("VBD.insert", {guest.cd.str(), medium.str()});
       return call(world, "VBD.eject", {guest.cd.str()});
     }},
    {"VifPlug",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       const auto vif = world.make_vif(guest.vm, guest.net);
       return call(world, "VIF.plug", {vif.str()});
     }},
    {"VifUnplug",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       return call(world, "VIF.unplug", {guest.vif.str()});
     }},
    {"VifMove",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       const auto other = world.make_network("other");
       world.call("network.attach", {other.str(), world.services().host.str()});
       return call(world, "VIF.move", {guest.vif.str(), other.str()});
     }},
    {"NetworkDestroy",
     [](World& world) {
       const auto net = world.make_network();
       world.call("network.attach", {net.str(), world.services().host.str()});
       return call(world, "network.destroy", {net.str()});
     }},
    {"PifUnplug",
     [](World& world) {
       // The management interface is never unplugged; the other one is meant.
       const auto pif = *world.view().find_if<model::PIF>(
           [](const db::Object<model::PIF>& one) { return !one[model::PIF::management]; });
       world.call("network.attach", {pif[model::PIF::network].str(), world.services().host.str()});
       return call(world, "PIF.unplug", {pif.ref().str()});
     }},
    {"VmStart",
     [](World& world) {
       Guest guest(world);
       return call(world, "VM.start", {guest.vm.str(), false, false});
     }},
    {"VmResume",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       world.call("VM.suspend", {guest.vm.str()});
       return call(world, "VM.resume", {guest.vm.str(), false, false});
     },
     {},
     // The guest runs; its image stays as a disk.
     {"VM.forget_suspend_image:destroy suspend image", "file.destroy.begun",
      "file.record.removed"}},
    {"VmSuspend",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       return call(world, "VM.suspend", {guest.vm.str()});
     },
     // The guest is its image.
     {"VM.suspend:record", "VM.suspend:done"},
     {"sim.save.after", "VM.suspend:detach suspend image", "detach.recorded",
      "VM.suspend:destroy domain", "sim.destroy.before", "VM.suspend:remove port 0",
      "network.remove_port.released", "network.state.write", "network.state.written",
      "VM.suspend:detach disk 0"}},
    {"VmPoolMigrate",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       return call(world, "VM.pool_migrate",
                   {guest.vm.str(), world.services().host.str(), no_map()});
     },
     // The guest is in its new domain.
     {"VM.pool_migrate:record", "VM.pool_migrate:done"},
     {"sim.migrate_send.gone", "sim.migrate_send.after", "sim.migrate_receive.after",
      "VM.activate_ports:activate port 0"}},
    {"VmSnapshot",
     [](World& world) {
       Guest guest(world);
       guest.start(world);
       return call(world, "VM.snapshot", {guest.vm.str(), "snapshot", Value(model::SetValue{})});
     }},
    {"VmClone",
     [](World& world) {
       Guest guest(world);
       return call(world, "VM.clone", {guest.vm.str(), "clone"});
     }},
    {"VmCopy",
     [](World& world) {
       Guest guest(world);
       return call(world, "VM.copy", {guest.vm.str(), "copy", guest.sr.str()});
     }},
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

class EveryStep : public testing::TestWithParam<Scenario> {};

// The places in order, each once.
std::vector<std::string> places_of(const Scenario& scenario) {
  World world;
  const Operation operation = scenario.prepare(world);
  arm_faults("none=error");
  operation();
  std::vector<std::string> places;
  std::set<std::string> seen;
  for (const std::string& place : faults_passed())
    if (seen.insert(place).second) places.push_back(place);
  arm_faults("");
  return places;
}

TEST_P(EveryStep, FailsWithoutATrace) {
  const Scenario& scenario = GetParam();
  const std::vector<std::string> places = places_of(scenario);
  ASSERT_FALSE(places.empty());
  for (const std::string& place : places) {
    if (scenario.beyond.contains(place)) continue;
    SCOPED_TRACE("failed at \"" + place + "\"");
    World world;
    const Operation operation = scenario.prepare(world);
    const std::string before = world.state();
    arm_faults(place + "=error");
    if (scenario.harmless.contains(place)) {
      EXPECT_NO_THROW(operation());
      arm_faults("");
      continue;
    }
    EXPECT_THROW(operation(), Failure);
    arm_faults("");
    EXPECT_EQ(world.state(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Plans, EveryStep, testing::ValuesIn(scenarios),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace xcp::xapi::test
