// SPDX-License-Identifier: GPL-2.0-or-later
// Copies of VM records with their devices; used by clone, copy, snapshot and checkpoint.
#pragma once

#include "sm/storage.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// A disk of the copy: which VBD it stands for, and the VDI that was made for it.
struct CopiedDisk {
  Ref<model::VBD> original;
  Ref<model::SR> sr;
  sm::VdiInfo info;
};

enum class CopyKind { Clone, Snapshot, Revert };

// Creates the VM record `name` after the pattern of `from`, with VBDs on the copied disks (CDs keep
// their medium), VIFs (fresh MACs for clones, the same for snapshots) and new metrics. `records`
// changes the new VM's record before it is stored.
Ref<model::VM> copy_vm_records(db::Transaction& change, const db::Object<model::VM>& from,
                               const std::string& name, CopyKind kind,
                               const std::vector<CopiedDisk>& disks,
                               const std::function<void(model::RecordValue&)>& adjust);

// Removes a VM's record with its devices, metrics and consoles; its disks stay.
void destroy_vm_records(db::Transaction& change, const Ref<model::VM>& vm);

// The disks (not CDs, not empty drives) of a VM, by VBD.
struct VmDisk {
  Ref<model::VBD> vbd;
  std::string vbd_uuid;
  std::string device;
  Ref<model::VDI> vdi;
  std::string vdi_uuid;
  std::string vdi_name;
  Ref<model::SR> sr;
  std::string sr_uuid;
};
std::vector<VmDisk> disks_of(const db::Snapshot& view, const db::Object<model::VM>& vm);

// A fresh MAC address: locally administered, unicast.
std::string make_mac();

// static_min <= dynamic_min <= dynamic_max <= static_max and 0 < VCPUs_at_startup <= VCPUs_max;
// else MEMORY_CONSTRAINT_VIOLATION_ORDER or INVALID_VALUE.
void check_sizes(const model::RecordValue& vm);

}  // namespace xcp::xapi
