// SPDX-License-Identifier: GPL-2.0-or-later
// See reconcile_devices.hpp.
#include "xapi/reconcile_devices.hpp"

#include <spdlog/spdlog.h>

#include <set>

#include "xapi/operations/operations.hpp"
#include "xapi/plans/device_steps.hpp"
#include "xapi/plans/storage_plans.hpp"

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
};

Open open_devices(hypervisor::Hypervisor& hypervisor) {
  Open open;
  for (const hypervisor::DomainState& domain : hypervisor.domains()) {
    for (const hypervisor::DiskSpec& disk : domain.disks)
      if (!disk.path.empty()) open.disks.insert({domain.uuid, disk.device});
    for (const hypervisor::NicSpec& nic : domain.nics) open.nics.insert({domain.uuid, nic.device});
  }
  return open;
}

bool release_path(Services& services, const Open& open, const sm::DataPath& path) {
  const db::Snapshot view = services.store.snapshot();
  const auto release = [&] {
    spdlog::info("data path {} of VDI {} is used by nobody; released", path.id, path.vdi);
    services.storage.vdi_detach(path.sr, path.vdi, path.id);
  };
  if (path.id.starts_with("suspend-")) {
    const auto vm = view.find_uuid<VM>(path.id.substr(8));
    if (vm) return with_vm_locked(services, vm->ref(), release);
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
