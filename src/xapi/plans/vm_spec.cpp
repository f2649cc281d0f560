// SPDX-License-Identifier: GPL-2.0-or-later
// See vm_spec.hpp. Devices are ordered by their number, so that the text form is stable.
#include "xapi/plans/vm_spec.hpp"

#include <algorithm>
#include <charconv>

#include "base/failure.hpp"

namespace xcp::xapi {

using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

namespace {

std::string value_of(const std::map<std::string, std::string>& map, const std::string& key,
                     const std::string& otherwise) {
  const auto found = map.find(key);
  return found == map.end() ? otherwise : found->second;
}

int number_of(const std::string& text) {
  int number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() ? number : 1 << 20;
}

template <class Spec>
void sort_by_device(std::vector<Spec>& specs) {
  std::sort(specs.begin(), specs.end(),
            [](const Spec& a, const Spec& b) { return number_of(a.device) < number_of(b.device); });
}

// "tcp:2222:22 8080:80" in VIF.other_config:port-forwards: host port (0: any) to guest port.
std::vector<hypervisor::PortForward> forwards_of(const std::string& text) {
  std::vector<hypervisor::PortForward> forwards;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    const auto colon = word.find(':');
    if (word.empty() || colon == std::string::npos) continue;
    forwards.push_back({number_of(word.substr(0, colon)), number_of(word.substr(colon + 1))});
  }
  return forwards;
}

hypervisor::OnEvent on_reboot(model::OnNormalExit action) {
  return action == model::OnNormalExit::Restart ? hypervisor::OnEvent::restart
                                                : hypervisor::OnEvent::destroy;
}

hypervisor::OnEvent on_crash(model::OnCrashBehaviour action) {
  switch (action) {
    case model::OnCrashBehaviour::Preserve:
      return hypervisor::OnEvent::preserve;
    case model::OnCrashBehaviour::Destroy:
    case model::OnCrashBehaviour::CoredumpAndDestroy:
    case model::OnCrashBehaviour::Restart:
    case model::OnCrashBehaviour::CoredumpAndRestart:
    case model::OnCrashBehaviour::RenameRestart:
      return hypervisor::OnEvent::destroy;  // restarting is the control plane's part
  }
  return hypervisor::OnEvent::destroy;
}

hypervisor::GuestType guest_type(const db::Object<VM>& vm) {
  switch (domain_type(vm)) {
    case model::DomainType::Hvm:
      return hypervisor::GuestType::hvm;
    case model::DomainType::Pvh:
      return hypervisor::GuestType::pvh;
    case model::DomainType::Pv:
    case model::DomainType::Unspecified:
      return hypervisor::GuestType::pv;
    case model::DomainType::PvInPvh:
      throw Failure("VALUE_NOT_SUPPORTED", {"domain_type", "pv_in_pvh",
                                            "choose pv, or pvh for a kernel of 2019 or later"});
  }
  return hypervisor::GuestType::hvm;
}

}  // namespace

model::DomainType domain_type(const db::Object<VM>& vm) {
  if (vm[VM::domain_type] != model::DomainType::Unspecified) return vm[VM::domain_type];
  return vm[VM::HVM_boot_policy].empty() ? model::DomainType::Pv : model::DomainType::Hvm;
}

hypervisor::DiskFormat disk_format(sm::ImageFormat format) {
  switch (format) {
    case sm::ImageFormat::raw:
      return hypervisor::DiskFormat::raw;
    case sm::ImageFormat::qcow2:
      return hypervisor::DiskFormat::qcow2;
  }
  return hypervisor::DiskFormat::raw;
}

hypervisor::DiskSpec disk_spec(const db::Snapshot& view, const db::Object<VBD>& vbd,
                               const sm::DiskSource* source) {
  hypervisor::DiskSpec disk;
  disk.device = vbd[VBD::userdevice];
  disk.cdrom = vbd[VBD::type] == model::VbdType::CD;
  disk.bootable = vbd[VBD::bootable];
  disk.read_only = disk.cdrom || vbd[VBD::mode] == model::VbdMode::RO;
  disk.qos = vbd[VBD::qos_algorithm_params];
  if (const auto vdi = view.find(vbd[VBD::VDI])) disk.serial = (*vdi)[VDI::uuid].substr(0, 20);
  if (source == nullptr) return disk;
  disk.path = source->path;
  disk.format = disk_format(source->format);
  disk.read_only = disk.read_only || source->read_only;
  return disk;
}

hypervisor::NicSpec nic_spec(const db::Snapshot&, const db::Object<VIF>& vif,
                             const network::PortBacking& backing) {
  hypervisor::NicSpec nic;
  nic.device = vif[VIF::device];
  nic.mac = vif[VIF::MAC];
  nic.mtu = backing.mtu;
  nic.bridge = backing.bridge;
  nic.host_device = backing.host_device;
  switch (backing.backend) {
    case network::Backend::bridge:
    case network::Backend::openvswitch:
      nic.backing = hypervisor::NicBacking::bridge;
      break;
    case network::Backend::user:
      nic.backing = hypervisor::NicBacking::user;
      break;
    case network::Backend::sim:
      nic.backing = hypervisor::NicBacking::none;
      break;
  }
  nic.forwards = forwards_of(value_of(vif[VIF::other_config], "port-forwards", ""));
  return nic;
}

bool takes_part(const db::Object<VM>& vm, const db::Object<VBD>& vbd) {
  return vm[VM::power_state] != model::VmPowerState::Suspended || vbd[VBD::reserved] ||
         vbd[VBD::type] == model::VbdType::CD;
}

bool takes_part(const db::Object<VM>& vm, const db::Object<VIF>& vif) {
  return vm[VM::power_state] != model::VmPowerState::Suspended || vif[VIF::reserved];
}

hypervisor::VmSpec vm_spec(const db::Snapshot& view, const db::Object<VM>& vm,
                           const DeviceBackings& backings) {
  const auto boot = vm[VM::HVM_boot_params];
  hypervisor::VmSpec spec;
  spec.uuid = vm[VM::uuid];
  spec.name = vm[VM::name_label];
  spec.type = guest_type(vm);
  spec.platform = vm[VM::platform];
  if (spec.type == hypervisor::GuestType::hvm && value_of(boot, "firmware", "bios") == "uefi")
    spec.firmware = hypervisor::Firmware::uefi;
  if (!vm[VM::PV_kernel].empty())
    spec.direct_kernel = {vm[VM::PV_kernel], vm[VM::PV_ramdisk], vm[VM::PV_args]};
  spec.boot_order = value_of(boot, "order", "cd");
  spec.vcpus_max = vm[VM::VCPUs_max];
  spec.vcpus = vm[VM::VCPUs_at_startup];
  spec.vcpus_params = vm[VM::VCPUs_params];
  spec.memory_static_max_bytes = vm[VM::memory_static_max];
  spec.memory_target_bytes = vm[VM::memory_dynamic_max];
  spec.shadow_multiplier = vm[VM::HVM_shadow_multiplier];
  spec.rtc_localtime = value_of(spec.platform, "localtime", "false") == "true";
  spec.vnc = value_of(spec.platform, "vnc", "true") != "false";
  spec.on_reboot = on_reboot(vm[VM::actions_after_reboot]);
  const model::OnCrashBehaviour after_crash = vm[VM::actions_after_crash];
  spec.on_crash = on_crash(after_crash);
  spec.core_on_crash = after_crash == model::OnCrashBehaviour::CoredumpAndDestroy ||
                       after_crash == model::OnCrashBehaviour::CoredumpAndRestart;
  for (const Ref<VBD>& ref : vm[VM::VBDs]) {
    const auto vbd = view.get(ref);
    if (!takes_part(vm, vbd)) continue;
    const auto source = backings.disks.find(vbd[VBD::uuid]);
    const bool has_source = source != backings.disks.end();
    if (!has_source && vbd[VBD::type] != model::VbdType::CD) continue;
    spec.disks.push_back(disk_spec(view, vbd, has_source ? &source->second : nullptr));
  }
  for (const Ref<VIF>& ref : vm[VM::VIFs]) {
    const auto vif = view.get(ref);
    const auto backing = backings.ports.find(vif[VIF::uuid]);
    if (backing != backings.ports.end()) spec.nics.push_back(nic_spec(view, vif, backing->second));
  }
  sort_by_device(spec.disks);
  sort_by_device(spec.nics);
  return spec;
}

}  // namespace xcp::xapi
