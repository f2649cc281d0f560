// SPDX-License-Identifier: GPL-2.0-or-later
// See reconcile_devices.hpp.
#include "xapi/reconcile_devices.hpp"

#include <spdlog/spdlog.h>

#include <set>

#include "xapi/classes/devices.hpp"
#include "xapi/classes/vdi.hpp"
#include "xapi/classes/vm_state.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/device_steps.hpp"
#include "xapi/plans/storage_plans.hpp"
#include "xapi/plans/vm_plans.hpp"

namespace xcp::xapi {

using model::VBD;
using model::VIF;
using model::VM;

namespace {

const hypervisor::DiskSpec* find_disk(const hypervisor::DomainState& domain,
                                      const std::string& device) {
  for (const hypervisor::DiskSpec& disk : domain.disks)
    if (disk.device == device) return &disk;
  return nullptr;
}

bool has_nic(const hypervisor::DomainState& domain, const std::string& device) {
  for (const hypervisor::NicSpec& nic : domain.nics)
    if (nic.device == device) return true;
  return false;
}

void switch_to_new_images(Services& services, const db::Snapshot& view, const db::Object<VM>& vm,
                          const hypervisor::DomainState& domain) {
  const auto images = stale_images(services, view, vm, domain);
  if (images.empty()) return;
  spdlog::info("VM {} writes to images from before a snapshot; it is switched to the new ones",
               vm[VM::name_label]);
  services.hypervisor.switch_images(domain.uuid, images);
}

void detach_all(sm::Storage& storage, const std::string& data_path) {
  for (const sm::DataPath& path : storage.data_paths())
    if (path.id == data_path) storage.vdi_detach(path.sr, path.vdi, path.id);
}

bool differs(const db::Object<VBD>& drive, const hypervisor::DomainState& domain) {
  const hypervisor::DiskSpec* open = find_disk(domain, drive[VBD::userdevice]);
  return open != nullptr && open->cdrom && drive[VBD::empty] != open->path.empty();
}

// Whether the guest has the device of that data path or port. Its VM is locked by the caller.
bool guest_has_disk(Services& services, const db::Snapshot& view, const db::Object<VBD>& vbd) {
  const auto vm = view.find(vbd[VBD::VM]);
  const auto domain = vm ? services.hypervisor.domain((*vm)[VM::uuid]) : std::nullopt;
  const auto* disk = domain ? find_disk(*domain, vbd[VBD::userdevice]) : nullptr;
  return disk != nullptr && !disk->path.empty();
}

bool guest_has_nic(Services& services, const db::Snapshot& view, const db::Object<VIF>& vif) {
  const auto vm = view.find(vif[VIF::VM]);
  const auto domain = vm ? services.hypervisor.domain((*vm)[VM::uuid]) : std::nullopt;
  return domain && has_nic(*domain, vif[VIF::device]);
}

// Runs `body` while the VM can begin no operation; false when one is running.
bool with_vm_locked(Services& services, const Ref<VM>& vm, const std::function<void()>& body) {
  Context context(services, internal_session(), {});
  std::optional<OperationLock<VM, model::VmOperations>> lock;
  try {
    lock.emplace(context, vm, model::VmOperations::PowerStateReset);
  } catch (const Failure& failure) {
    if (failure.code() == "OTHER_OPERATION_IN_PROGRESS") return false;
    // A template or one whose operations are blocked: nothing begins on it anyway.
  }
  body();
  return true;
}

// The record says empty and there is a medium: an insert that was never acknowledged, so it is
// taken out. There is none and the record names one: the guest or a dead eject took it out, so it
// is recorded. The VM is locked by the caller.
void settle_drive(Services& services, const Ref<VBD>& ref, const std::string& vm) {
  const db::Snapshot view = services.store.snapshot();
  const auto drive = view.find(ref);
  const auto domain = services.hypervisor.domain(vm);
  if (!drive || busy(*drive) || !domain || !differs(*drive, *domain)) return;
  if ((*drive)[VBD::empty])
    services.hypervisor.change_medium(vm, (*drive)[VBD::userdevice],
                                      disk_spec(view, *drive, nullptr));
  else
    services.store.commit([&](db::Transaction& change) {
      change.set(ref, VBD::VDI, Ref<model::VDI>());
      change.set(ref, VBD::empty, true);
    });
  detach_all(services.storage, (*drive)[VBD::uuid]);
}

// What the running guests have open, by VM and device; read once for all of them.
struct Open {
  std::set<std::pair<std::string, std::string>> disks;
  std::set<std::pair<std::string, std::string>> nics;
  std::set<std::string> busy;  // VMs that the hypervisor daemon is at work on
};

Open open_devices(hypervisor::Hypervisor& hypervisor) {
  Open open;
  for (const hypervisor::DomainState& domain : hypervisor.domains()) {
    for (const hypervisor::DiskSpec& disk : domain.disks)
      if (!disk.path.empty()) open.disks.insert({domain.uuid, disk.device});
    for (const hypervisor::NicSpec& nic : domain.nics) open.nics.insert({domain.uuid, nic.device});
    if (domain.busy) open.busy.insert(domain.uuid);
  }
  return open;
}

// A guest that has ended and is still recorded as running may be in that image: it is recorded
// first.
bool release_suspend_path(Services& services, const db::Object<VM>& vm,
                          const std::function<void()>& release) {
  bool needed = false;
  const bool looked = with_vm_locked(services, vm.ref(), [&] {
    const auto now = services.store.snapshot().find(vm.ref());
    needed = now && is_up((*now)[VM::power_state]) && !services.hypervisor.domain(vm[VM::uuid]);
    if (!needed) release();
  });
  return looked && !needed;
}

bool release_path(Services& services, const Open& open, const sm::DataPath& path) {
  const db::Snapshot view = services.store.snapshot();
  const auto release = [&] {
    spdlog::info("data path {} of VDI {} is used by nobody; released", path.id, path.vdi);
    services.storage.vdi_detach(path.sr, path.vdi, path.id);
  };
  if (path.id.starts_with(suspend_path_prefix)) {
    const std::string uuid = path.id.substr(suspend_path_prefix.size());
    if (open.busy.contains(uuid)) return false;
    const auto vm = view.find_uuid<VM>(uuid);
    if (vm) return release_suspend_path(services, *vm, release);
    release();
    return true;
  }
  if (!is_uuid(path.id)) return true;  // somebody else's
  const auto vbd = view.find_uuid<VBD>(path.id);
  if (!vbd) {
    release();
    return true;
  }
  const auto vm = view.get((*vbd)[VBD::VM]);
  if (open.busy.contains(vm[VM::uuid])) return false;
  if (open.disks.contains({vm[VM::uuid], (*vbd)[VBD::userdevice]})) return true;
  return with_vm_locked(services, vm.ref(), [&] {
    const db::Snapshot now = services.store.snapshot();
    const auto again = now.find(vbd->ref());
    if (again && (busy(*again) || guest_has_disk(services, now, *again))) return;
    release();
  });
}

bool release_port(Services& services, const Open& open, const network::PortSpec& port) {
  const db::Snapshot view = services.store.snapshot();
  const auto release = [&] {
    spdlog::info("port {} is used by nobody; removed", port.uuid);
    services.network.remove_port(port.uuid);
  };
  const auto vif = view.find_uuid<VIF>(port.uuid);
  if (!vif) {
    release();
    return true;
  }
  const auto vm = view.get((*vif)[VIF::VM]);
  if (open.busy.contains(vm[VM::uuid])) return false;
  if (open.nics.contains({vm[VM::uuid], (*vif)[VIF::device]})) return true;
  return with_vm_locked(services, vm.ref(), [&] {
    const db::Snapshot now = services.store.snapshot();
    const auto again = now.find(vif->ref());
    if (again && (busy(*again) || guest_has_nic(services, now, *again))) return;
    release();
  });
}

}  // namespace

Session internal_session() {
  Session session;
  session.local_superuser = true;
  session.originator = "reconcile";
  return session;
}

void settle_devices(Services& services, const Ref<VM>& ref, const hypervisor::DomainState& domain) {
  const db::Snapshot view = services.store.snapshot();
  const auto vm = view.find(ref);
  if (!vm) return;
  switch_to_new_images(services, view, *vm, domain);
  for (const Ref<VBD>& vbd : (*vm)[VM::VBDs])
    if (differs(view.get(vbd), domain))
      with_vm_locked(services, ref, [&] { settle_drive(services, vbd, domain.uuid); });
}

bool complete_suspend(Context& context, const Ref<VM>& ref) {
  Services& services = context.services();
  const db::Snapshot view = context.view();
  const std::string id = suspend_path(view.get(ref)[VM::uuid]);
  for (const sm::DataPath& path : services.storage.data_paths()) {
    const auto sr = view.find_uuid<model::SR>(path.sr);
    if (path.id != id || !path.read_write || !sr) continue;
    for (const sm::VdiInfo& info : services.storage.sr_scan(path.sr)) {
      if (info.uuid != path.vdi) continue;
      context.commit([&](db::Transaction& change) {
        record_suspended(change, ref, record_vdi(change, info, sr->ref()));
      });
      context.tidy(release_plan(services, view, view.get(ref), sr->ref(), info));
      return true;
    }
  }
  return false;
}

bool remove_used_images(Services& services) {
  bool all = true;
  const db::Snapshot view = services.store.snapshot();
  for (const auto& vm : view.all<VM>()) {
    if (vm[VM::is_a_snapshot] || vm[VM::power_state] == model::VmPowerState::Suspended ||
        !view.find(vm[VM::suspend_VDI]))
      continue;
    const bool looked = with_vm_locked(services, vm.ref(), [&] {
      const db::Snapshot now = services.store.snapshot();
      const auto again = now.find(vm.ref());
      const auto image = again ? now.find((*again)[VM::suspend_VDI]) : std::nullopt;
      if (!image || (*again)[VM::power_state] == model::VmPowerState::Suspended) return;
      run_plan(forget_image_plan(services, now, *image));
      services.store.commit([&](db::Transaction& change) { drop_vdi(change, image->ref()); });
    });
    all = looked && all;
  }
  return all;
}

bool release_unused_devices(Services& services) {
  const auto paths = services.storage.data_paths();
  const auto ports = services.network.ports();
  // Read after them: whatever began to use one of them since then is seen.
  const Open open = open_devices(services.hypervisor);
  bool all = true;
  for (const sm::DataPath& path : paths) all = release_path(services, open, path) && all;
  for (const network::PortSpec& port : ports) all = release_port(services, open, port) && all;
  return all;
}

}  // namespace xcp::xapi
