// SPDX-License-Identifier: GPL-2.0-or-later
// Records to VmSpec: what the hypervisor is asked to build for a VM. Pure; golden-tested.
#pragma once

#include <map>
#include <string>

#include "datamodel/model.gen.hpp"
#include "hypervisor/hypervisor.hpp"
#include "ovs-integration/network.hpp"
#include "sm/storage.hpp"
#include "xapi/db/snapshot.hpp"

namespace xcp::xapi {

// What the other daemons gave for the VM's devices, by the uuid of the VBD and of the VIF. A VBD
// without a source is left out, or is an empty drive when it is a CD.
struct DeviceBackings {
  std::map<std::string, sm::DiskSource> disks;
  std::map<std::string, network::PortBacking> ports;
};

hypervisor::DiskFormat disk_format(sm::ImageFormat format);
hypervisor::DiskSpec disk_spec(const db::Snapshot& view, const db::Object<model::VBD>& vbd,
                               const sm::DiskSource* source);
hypervisor::NicSpec nic_spec(const db::Snapshot& view, const db::Object<model::VIF>& vif,
                             const network::PortBacking& backing);

// The kind of domain the VM runs as: where none is said, HVM_boot_policy tells (empty: pv).
model::DomainType domain_type(const db::Object<model::VM>& vm);

// False for a device that a suspended guest did not have: its memory says what there is.
bool takes_part(const db::Object<model::VM>& vm, const db::Object<model::VBD>& vbd);
bool takes_part(const db::Object<model::VM>& vm, const db::Object<model::VIF>& vif);

// Throws VALUE_NOT_SUPPORTED for settings that no guest can have.
hypervisor::VmSpec vm_spec(const db::Snapshot& view, const db::Object<model::VM>& vm,
                           const DeviceBackings& backings);

}  // namespace xcp::xapi
