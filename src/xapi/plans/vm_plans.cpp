// SPDX-License-Identifier: GPL-2.0-or-later
// Each step captures what it needs by value: a plan may outlive the view it was made from.
#include "xapi/plans/vm_plans.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/failure.hpp"
#include "xapi/plans/disk_plans.hpp"
#include "xapi/plans/network_spec.hpp"

namespace xcp::xapi {

using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

// Undoing a start ends the domain, so it must be certain that the domain is the one of this start.
void add_absence_step(Plan& plan, Services& services, const db::Object<VM>& vm) {
  plan.step("look for a domain", 1, [&services, uuid = vm[VM::uuid], ref = vm.ref().str()] {
    if (services.hypervisor.domain(uuid))
      throw Failure("VM_BAD_POWER_STATE", {ref, "halted", "running"});
  });
}

void add_device_steps(Plan& plan, Services& services, const db::Snapshot& view,
                      const db::Object<VM>& vm, const StartedPtr& started) {
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.get(ref);
    if (!takes_part(vm, vbd)) continue;
    if (const auto use = disk_use(view, vbd))
      add_disk_step(plan, services, *use, vbd[VBD::userdevice], started);
  }
  std::vector<db::Object<VIF>> vifs;
  for (const Ref<VIF>& ref : vm[VM::VIFs])
    if (takes_part(vm, view.get(ref))) vifs.push_back(view.get(ref));
  std::vector<Ref<model::network>> networks;
  for (const auto& vif : vifs) networks.push_back(vif[VIF::network]);
  add_network_steps(plan, services, view, networks);
  for (const auto& vif : vifs) add_port_step(plan, services, port_spec(view, vif), started);
}

void add_final_steps(Plan& plan, Services& services, const db::Object<VM>& vm, bool paused,
                     const StartedPtr& started) {
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

namespace {

// A VM administrator names these files and root opens them: only what was put into the directory
// for guests' kernels is let through.
void check_kernel_path(const Services& services, const std::string& path) {
  if (path.empty()) return;
  const std::filesystem::path directory(services.settings.kernel_dir);
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  const auto allowed = std::filesystem::weakly_canonical(directory);
  if (!error && std::mismatch(allowed.begin(), allowed.end(), real.begin(), real.end()).first ==
                    allowed.end())
    return;
  throw Failure(
      "VALUE_NOT_SUPPORTED",
      {"PV_kernel", path, "kernels of guests are files in " + services.settings.kernel_dir});
}

}  // namespace

Plan start_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm, bool paused,
                StartedPtr started) {
  check_kernel_path(services, vm[VM::PV_kernel]);
  check_kernel_path(services, vm[VM::PV_ramdisk]);
  Plan plan("VM.start");
  add_absence_step(plan, services, vm);
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
                 bool paused, StartedPtr started) {
  Plan plan("VM.resume");
  add_absence_step(plan, services, vm);
  add_device_steps(plan, services, view, vm, started);
  const auto image = view.get(vm[VM::suspend_VDI]);
  const std::string uuid = vm[VM::uuid];
  const DiskUse use{view.get(image[VDI::SR])[SR::uuid], image[VDI::uuid], suspend_path(uuid),
                    false};
  auto path = std::make_shared<std::string>();
  plan.step(
      "attach suspend image", 1,
      [&services, use, path] {
        *path = services.storage.vdi_attach(use.sr, use.vdi, use.data_path, false).path;
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach_disk(services.storage, use); });
  plan.step(
      "restore domain", 10,
      [&services, view, vm, started, path] {
        started->domain = services.hypervisor.restore(vm_spec(view, vm, started->backings), *path);
      },
      [&services, uuid] { services.hypervisor.destroy(uuid); });
  plan.step("detach suspend image", 1, [&services, use] { detach_disk(services.storage, use); });
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
                [&services, use = *use] { detach_disk(services.storage, use); });
  }
  return plan;
}

namespace {

// The guest's memory may be in an image alone: whether it is decides the hypervisor daemon, and one
// that is being started anew on a busy host is waited for.
bool domain_is_there(hypervisor::Hypervisor& hypervisor, const std::string& uuid) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (;;) try {
      return hypervisor.domain(uuid).has_value();
    } catch (const Failure&) {
      if (std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
}

DiskUse suspend_image_use(const std::string& sr, const std::string& vdi, const std::string& vm) {
  return {sr, vdi, suspend_path(vm), true};
}

}  // namespace

std::string suspend_path(const std::string& vm) {
  return std::string(suspend_path_prefix) + vm;
}

sm::VdiSpec memory_image(const db::Object<VM>& vm) {
  sm::VdiSpec spec;
  spec.uuid = make_uuid();
  spec.name = "Suspend image";
  spec.type = "suspend";
  spec.format = sm::ImageFormat::raw;
  // Memory, what the devices keep, and room for the file's own header.
  spec.virtual_size = vm[VM::memory_static_max] + (256ll << 20);
  return spec;
}

Plan suspend_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm,
                  const Ref<SR>& sr, const sm::VdiSpec& spec, std::shared_ptr<sm::VdiInfo> image) {
  Plan plan("VM.suspend");
  const std::string uuid = vm[VM::uuid];
  const std::string sr_uuid = view.get(sr)[SR::uuid];
  plan.step(
      "create suspend image", 1,
      [&services, sr_uuid, spec, image] { *image = services.storage.vdi_create(sr_uuid, spec); },
      [&services, uuid, sr_uuid, vdi = spec.uuid] {
        // Without its domain the guest may be in the image, whatever saving it answered.
        if (domain_is_there(services.hypervisor, uuid))
          destroy_if_there(services.storage, sr_uuid, vdi);
      });
  const DiskUse use = suspend_image_use(sr_uuid, spec.uuid, uuid);
  auto path = std::make_shared<std::string>();
  plan.step(
      "attach suspend image", 1,
      [&services, use, path] {
        *path = services.storage.vdi_attach(use.sr, use.vdi, use.data_path, true).path;
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach_disk(services.storage, use); });
  plan.step("save domain", 10, [&services, uuid, path] {
    try {
      services.hypervisor.save(uuid, *path);
    } catch (const Failure& failure) {
      // Only the answer was lost when the domain has ended: a save that fails lets it run on.
      if (failure.code() != "INTERNAL_ERROR" || domain_is_there(services.hypervisor, uuid)) throw;
    }
  });
  return plan;
}

Plan forget_image_plan(Services& services, const db::Snapshot& view,
                       const db::Object<model::VDI>& image) {
  Plan plan("VM.forget_suspend_image");
  plan.step("destroy suspend image", 1,
            [&services, sr = view.get(image[VDI::SR])[SR::uuid], vdi = image[VDI::uuid]] {
              destroy_if_there(services.storage, sr, vdi);
            });
  return plan;
}

Plan release_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm,
                  const Ref<SR>& sr, const sm::VdiInfo& image) {
  Plan plan("VM.suspend");
  const DiskUse use = suspend_image_use(view.get(sr)[SR::uuid], image.uuid, vm[VM::uuid]);
  plan.step("detach suspend image", 1, [&services, use] { detach_disk(services.storage, use); });
  plan.append(stop_plan(services, view, vm));
  return plan;
}

}  // namespace xcp::xapi
