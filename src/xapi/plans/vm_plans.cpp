// SPDX-License-Identifier: GPL-2.0-or-later
// Each step captures what it needs by value: a plan may outlive the view it was made from.
#include "xapi/plans/vm_plans.hpp"

#include "base/failure.hpp"

namespace xcp::xapi {

using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

struct DiskUse {
  std::string sr;
  std::string vdi;
  std::string data_path;
  bool read_write;
};

// The disk behind a VBD; nullopt for an empty drive.
std::optional<DiskUse> disk_use(const db::Snapshot& view, const db::Object<VBD>& vbd) {
  if (vbd[VBD::empty]) return std::nullopt;
  const auto vdi = view.find(vbd[VBD::VDI]);
  if (!vdi) return std::nullopt;
  const auto sr = view.get((*vdi)[VDI::SR]);
  const bool read_write = vbd[VBD::mode] == model::VbdMode::RW && !(*vdi)[VDI::read_only] &&
                          vbd[VBD::type] == model::VbdType::Disk;
  return DiskUse{sr[SR::uuid], (*vdi)[VDI::uuid], vbd[VBD::uuid], read_write};
}

void detach(sm::Storage& storage, const DiskUse& use) {
  storage.vdi_detach(use.sr, use.vdi, use.data_path);
}

void add_disk_step(Plan& plan, Services& services, const DiskUse& use, const std::string& device,
                   std::shared_ptr<Started> started) {
  plan.step(
      "attach disk " + device, 1,
      [&services, use, started] {
        started->backings.disks[use.data_path] =
            services.storage.vdi_attach(use.sr, use.vdi, use.data_path, use.read_write);
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach(services.storage, use); });
}

void add_port_step(Plan& plan, Services& services, const network::PortSpec& port,
                   std::shared_ptr<Started> started) {
  plan.step(
      "reserve port " + port.device, 1,
      [&services, port, started] {
        started->backings.ports[port.uuid] = services.network.add_port(port);
      },
      [&services, port] { services.network.remove_port(port.uuid); });
}

void add_device_steps(Plan& plan, Services& services, const db::Snapshot& view,
                      const db::Object<VM>& vm, const std::shared_ptr<Started>& started) {
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.get(ref);
    if (const auto use = disk_use(view, vbd))
      add_disk_step(plan, services, *use, vbd[VBD::userdevice], started);
  }
  for (const Ref<VIF>& ref : vm[VM::VIFs])
    add_port_step(plan, services, port_spec(view, view.get(ref)), started);
}

void add_final_steps(Plan& plan, Services& services, const db::Object<VM>& vm, bool paused,
                     const std::shared_ptr<Started>& started) {
  if (!vm[VM::VIFs].empty())
    plan.step("activate ports", 1, [&services, started] {
      for (const auto& [uuid, backing] : started->backings.ports)
        services.network.activate_port(uuid);
    });
  if (paused) return;
  plan.step("unpause", 1, [&services, uuid = vm[VM::uuid], started] {
    services.hypervisor.unpause(uuid);
    started->domain.power = hypervisor::DomainPower::running;
  });
}

}  // namespace

network::PortSpec port_spec(const db::Snapshot& view, const db::Object<VIF>& vif) {
  network::PortSpec port;
  port.uuid = vif[VIF::uuid];
  port.network = view.get(vif[VIF::network])[model::network::uuid];
  port.vm = view.get(vif[VIF::VM])[VM::uuid];
  port.device = vif[VIF::device];
  port.mac = vif[VIF::MAC];
  port.mtu = static_cast<int>(vif[VIF::MTU]);
  const auto qos = vif[VIF::qos_algorithm_params];
  if (vif[VIF::qos_algorithm_type] == "ratelimit")
    if (const auto rate = qos.find("kbps"); rate != qos.end())
      port.rate_kbytes_per_s = std::strtoll(rate->second.c_str(), nullptr, 10);
  return port;
}

Plan start_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm, bool paused,
                std::shared_ptr<Started> started) {
  Plan plan("VM.start");
  add_device_steps(plan, services, view, vm, started);
  const std::string uuid = vm[VM::uuid];
  plan.step(
      "build domain", 5,
      [&services, view, vm, started] {
        started->domain = services.hypervisor.build(vm_spec(view, vm, started->backings));
      },
      [&services, uuid] { services.hypervisor.destroy(uuid); });
  add_final_steps(plan, services, vm, paused, started);
  return plan;
}

Plan resume_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm,
                 bool paused, std::shared_ptr<Started> started) {
  Plan plan("VM.resume");
  add_device_steps(plan, services, view, vm, started);
  const auto image = view.get(vm[VM::suspend_VDI]);
  const std::string uuid = vm[VM::uuid];
  const DiskUse use{view.get(image[VDI::SR])[SR::uuid], image[VDI::uuid], "suspend-" + uuid, false};
  auto path = std::make_shared<std::string>();
  plan.step(
      "attach suspend image", 1,
      [&services, use, path] {
        *path = services.storage.vdi_attach(use.sr, use.vdi, use.data_path, false).path;
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach(services.storage, use); });
  plan.step(
      "restore domain", 10,
      [&services, view, vm, started, path] {
        started->domain = services.hypervisor.restore(vm_spec(view, vm, started->backings), *path);
      },
      [&services, uuid] { services.hypervisor.destroy(uuid); });
  plan.step("detach suspend image", 1, [&services, use] { detach(services.storage, use); });
  add_final_steps(plan, services, vm, paused, started);
  return plan;
}

Plan stop_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm) {
  Plan plan("VM.stop");
  const std::string uuid = vm[VM::uuid];
  plan.step("destroy domain", 3, [&services, uuid] { services.hypervisor.destroy(uuid); });
  for (const Ref<VIF>& ref : vm[VM::VIFs]) {
    const auto vif = view.get(ref);
    plan.step("remove port " + vif[VIF::device], 1,
              [&services, port = vif[VIF::uuid]] { services.network.remove_port(port); });
  }
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.get(ref);
    if (const auto use = disk_use(view, vbd))
      plan.step("detach disk " + vbd[VBD::userdevice], 1,
                [&services, use = *use] { detach(services.storage, use); });
  }
  return plan;
}

Plan suspend_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm,
                  const Ref<SR>& sr, std::shared_ptr<sm::VdiInfo> image) {
  Plan plan("VM.suspend");
  const std::string uuid = vm[VM::uuid];
  const std::string sr_uuid = view.get(sr)[SR::uuid];
  sm::VdiSpec spec;
  spec.uuid = make_uuid();
  spec.name = "Suspend image";
  spec.type = "suspend";
  spec.format = sm::ImageFormat::raw;
  // Memory, what the devices keep, and room for the file's own header.
  spec.virtual_size = vm[VM::memory_static_max] + (256ll << 20);
  plan.step(
      "create suspend image", 1,
      [&services, sr_uuid, spec, image] { *image = services.storage.vdi_create(sr_uuid, spec); },
      [&services, sr_uuid, vdi = spec.uuid] {
        for (const sm::VdiInfo& info : services.storage.sr_scan(sr_uuid))
          if (info.uuid == vdi) services.storage.vdi_destroy(sr_uuid, vdi);
      });
  const DiskUse use{sr_uuid, spec.uuid, "suspend-" + uuid, true};
  auto path = std::make_shared<std::string>();
  plan.step(
      "attach suspend image", 1,
      [&services, use, path] {
        *path = services.storage.vdi_attach(use.sr, use.vdi, use.data_path, true).path;
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach(services.storage, use); });
  plan.step("save domain", 10, [&services, uuid, path] { services.hypervisor.save(uuid, *path); });
  plan.step("detach suspend image", 1, [&services, use] { detach(services.storage, use); });
  plan.append(stop_plan(services, view, vm));
  return plan;
}

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
  plan.step("unplug disk", 2, [&services, vm, device = vbd[VBD::userdevice]] {
    services.hypervisor.unplug_disk(vm, device);
  });
  if (const auto use = disk_use(view, vbd))
    plan.step("detach disk " + vbd[VBD::userdevice], 1,
              [&services, use = *use] { detach(services.storage, use); });
  return plan;
}

Plan plug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif) {
  Plan plan("VIF.plug");
  auto started = std::make_shared<Started>();
  const std::string vm = view.get(vif[VIF::VM])[VM::uuid];
  const network::PortSpec port = port_spec(view, vif);
  add_port_step(plan, services, port, started);
  plan.step(
      "plug NIC", 2,
      [&services, view, vif, vm, started] {
        const auto& backing = started->backings.ports.at(vif[VIF::uuid]);
        services.hypervisor.plug_nic(vm, nic_spec(view, vif, backing));
      },
      [&services, vm, device = vif[VIF::device]] { services.hypervisor.unplug_nic(vm, device); });
  plan.step("activate port", 1, [&services, port] { services.network.activate_port(port.uuid); });
  return plan;
}

Plan unplug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif) {
  Plan plan("VIF.unplug");
  const std::string vm = view.get(vif[VIF::VM])[VM::uuid];
  plan.step("unplug NIC", 2, [&services, vm, device = vif[VIF::device]] {
    services.hypervisor.unplug_nic(vm, device);
  });
  plan.step("remove port " + vif[VIF::device], 1,
            [&services, port = vif[VIF::uuid]] { services.network.remove_port(port); });
  return plan;
}

}  // namespace xcp::xapi
