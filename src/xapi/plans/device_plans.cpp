// SPDX-License-Identifier: GPL-2.0-or-later
// See device_plans.hpp. What an undo puts back is what the hypervisor said was there before.
#include "xapi/plans/device_plans.hpp"

#include "base/failure.hpp"
#include "xapi/plans/device_steps.hpp"
#include "xapi/plans/network_spec.hpp"

namespace xcp::xapi {

using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

std::optional<hypervisor::DiskSpec> open_disk(hypervisor::Hypervisor& hypervisor,
                                              const std::string& vm, const std::string& device) {
  const auto domain = hypervisor.domain(vm);
  if (!domain) return std::nullopt;
  for (const hypervisor::DiskSpec& disk : domain->disks)
    if (disk.device == device) return disk;
  return std::nullopt;
}

std::optional<hypervisor::NicSpec> plugged_nic(hypervisor::Hypervisor& hypervisor,
                                               const std::string& vm, const std::string& device) {
  const auto domain = hypervisor.domain(vm);
  if (!domain) return std::nullopt;
  for (const hypervisor::NicSpec& nic : domain->nics)
    if (nic.device == device) return nic;
  return std::nullopt;
}

bool has_port(network::Network& network, const std::string& uuid) {
  for (const network::PortSpec& port : network.ports())
    if (port.uuid == uuid) return true;
  return false;
}

// The hypervisor names a device by its number, XenAPI by its reference.
template <class Body>
void naming_device(const std::string& ref, Body&& body) {
  try {
    body();
  } catch (const Failure& failure) {
    if (!failure.code().starts_with("DEVICE_DETACH_") || failure.params().size() < 2) throw;
    std::vector<std::string> params = failure.params();
    params[1] = ref;
    throw Failure(failure.code(), std::move(params), failure.where());
  }
}

}  // namespace

// ---- disks ------------------------------------------------------------------------------------

namespace {

// A disk that was taken out of a guest, for putting it back.
struct Removed {
  std::optional<hypervisor::DiskSpec> disk;
  std::optional<sm::DiskSource> source;  // where it is now, when it was attached again
};

hypervisor::DiskSpec put_back(const Removed& removed) {
  hypervisor::DiskSpec disk = *removed.disk;
  if (!removed.source) return disk;
  disk.path = removed.source->path;
  disk.format = disk_format(removed.source->format);
  return disk;
}

bool is_attached(sm::Storage& storage, const DiskUse& use) {
  for (const sm::DataPath& path : storage.data_paths())
    if (path.id == use.data_path && path.vdi == use.vdi) return true;
  return false;
}

void add_detach_step(Plan& plan, Services& services, const DiskUse& use, const std::string& device,
                     const std::shared_ptr<Removed>& removed) {
  plan.step(
      "detach disk " + device, 1, [&services, use] { detach_disk(services.storage, use); },
      [&services, use, removed] {
        if (is_attached(services.storage, use)) return;
        removed->source =
            services.storage.vdi_attach(use.sr, use.vdi, use.data_path, use.read_write);
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      });
}

}  // namespace

Plan plug_vbd_plan(Services& services, const db::Snapshot& view, const db::Object<VBD>& vbd) {
  Plan plan("VBD.plug");
  auto started = std::make_shared<Started>();
  const auto use = disk_use(view, vbd);
  if (!use) throw Failure("VBD_IS_EMPTY", {vbd.ref().str()});
  const std::string vm = view.get(vbd[VBD::VM])[VM::uuid];
  add_disk_step(plan, services, *use, vbd[VBD::userdevice], started);
  plan.step(
      "plug disk", 2,
      [&services, view, vbd, vm, started] {
        const auto& source = started->backings.disks.at(vbd[VBD::uuid]);
        services.hypervisor.plug_disk(vm, disk_spec(view, vbd, &source));
      },
      [&services, vm, device = vbd[VBD::userdevice]] {
        services.hypervisor.unplug_disk(vm, device);
      });
  return plan;
}

Plan unplug_vbd_plan(Services& services, const db::Snapshot& view, const db::Object<VBD>& vbd) {
  Plan plan("VBD.unplug");
  const std::string vm = view.get(vbd[VBD::VM])[VM::uuid];
  const std::string device = vbd[VBD::userdevice];
  auto removed = std::make_shared<Removed>();
  plan.step(
      "unplug disk", 2,
      [&services, vm, device, ref = vbd.ref().str(), removed] {
        removed->disk = open_disk(services.hypervisor, vm, device);
        naming_device(ref, [&] { services.hypervisor.unplug_disk(vm, device); });
      },
      [&services, vm, device, removed] {
        if (removed->disk && !open_disk(services.hypervisor, vm, device))
          services.hypervisor.plug_disk(vm, put_back(*removed));
      });
  if (const auto use = disk_use(view, vbd)) add_detach_step(plan, services, *use, device, removed);
  return plan;
}

Plan insert_medium_plan(Services& services, const db::Snapshot& view, const db::Object<VBD>& vbd,
                        const db::Object<VDI>& medium) {
  Plan plan("VBD.insert");
  const std::string vm = view.get(vbd[VBD::VM])[VM::uuid];
  const std::string device = vbd[VBD::userdevice];
  const std::string sr = view.get(medium[VDI::SR])[model::SR::uuid];
  auto started = std::make_shared<Started>();
  add_disk_step(plan, services, {sr, medium[VDI::uuid], vbd[VBD::uuid], false}, device, started);
  plan.step(
      "insert medium", 1,
      [&services, view, vbd, vm, device, serial = medium[VDI::uuid].substr(0, 20), started] {
        const auto& source = started->backings.disks.at(vbd[VBD::uuid]);
        hypervisor::DiskSpec disk = disk_spec(view, vbd, &source);
        disk.serial = serial;
        services.hypervisor.change_medium(vm, device, disk);
      },
      [&services, view, vbd, vm, device] {
        services.hypervisor.change_medium(vm, device, disk_spec(view, vbd, nullptr));
      });
  return plan;
}

Plan eject_medium_plan(Services& services, const db::Snapshot& view, const db::Object<VBD>& vbd) {
  Plan plan("VBD.eject");
  const std::string vm = view.get(vbd[VBD::VM])[VM::uuid];
  const std::string device = vbd[VBD::userdevice];
  auto removed = std::make_shared<Removed>();
  plan.step(
      "eject medium", 1,
      [&services, view, vbd, vm, device, removed] {
        removed->disk = open_disk(services.hypervisor, vm, device);
        hypervisor::DiskSpec drive = disk_spec(view, vbd, nullptr);
        drive.serial.clear();
        services.hypervisor.change_medium(vm, device, drive);
      },
      [&services, vm, device, removed] {
        if (removed->disk) services.hypervisor.change_medium(vm, device, put_back(*removed));
      });
  if (const auto use = disk_use(view, vbd)) add_detach_step(plan, services, *use, device, removed);
  return plan;
}

// ---- NICs -------------------------------------------------------------------------------------

namespace {

void add_plug_steps(Plan& plan, Services& services, const db::Snapshot& view,
                    const db::Object<VIF>& vif, const network::PortSpec& port) {
  auto started = std::make_shared<Started>();
  const std::string vm = view.get(vif[VIF::VM])[VM::uuid];
  add_port_step(plan, services, port, started);
  plan.step(
      "plug NIC", 2,
      [&services, view, vif, vm, started] {
        const auto& backing = started->backings.ports.at(vif[VIF::uuid]);
        services.hypervisor.plug_nic(vm, nic_spec(view, vif, backing));
      },
      [&services, vm, device = vif[VIF::device]] { services.hypervisor.unplug_nic(vm, device); });
  plan.step("activate port", 1, [&services, port] { services.network.activate_port(port.uuid); });
}

void add_unplug_steps(Plan& plan, Services& services, const db::Snapshot& view,
                      const db::Object<VIF>& vif) {
  const std::string vm = view.get(vif[VIF::VM])[VM::uuid];
  const std::string device = vif[VIF::device];
  const network::PortSpec port = port_spec(view, vif);
  auto before = std::make_shared<std::optional<hypervisor::NicSpec>>();
  plan.step(
      "unplug NIC", 2,
      [&services, vm, device, ref = vif.ref().str(), before] {
        *before = plugged_nic(services.hypervisor, vm, device);
        naming_device(ref, [&] { services.hypervisor.unplug_nic(vm, device); });
      },
      [&services, vm, device, port, before] {
        if (!*before || plugged_nic(services.hypervisor, vm, device)) return;
        services.hypervisor.plug_nic(vm, **before);
        services.network.activate_port(port.uuid);
      });
  plan.step(
      "remove port " + device, 1, [&services, port] { services.network.remove_port(port.uuid); },
      [&services, port] {
        if (!has_port(services.network, port.uuid)) services.network.add_port(port);
      });
}

}  // namespace

Plan plug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif) {
  Plan plan("VIF.plug");
  add_network_steps(plan, services, view, {vif[VIF::network]});
  add_plug_steps(plan, services, view, vif, port_spec(view, vif));
  return plan;
}

Plan unplug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif) {
  Plan plan("VIF.unplug");
  add_unplug_steps(plan, services, view, vif);
  return plan;
}

Plan move_vif_plan(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif,
                   const Ref<model::network>& network) {
  Plan plan("VIF.move");
  add_network_steps(plan, services, view, {network});
  add_unplug_steps(plan, services, view, vif);
  network::PortSpec port = port_spec(view, vif);
  port.network = view.get(network)[model::network::uuid];
  add_plug_steps(plan, services, view, vif, port);
  return plan;
}

}  // namespace xcp::xapi
