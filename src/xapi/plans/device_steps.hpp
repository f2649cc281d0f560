// SPDX-License-Identifier: GPL-2.0-or-later
// Steps that give a guest its devices, shared by the plans of whole VMs and of single devices. Each
// captures what it needs by value: a plan may outlive the view it was made from.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/plan.hpp"
#include "xapi/context.hpp"
#include "xapi/plans/vm_spec.hpp"

namespace xcp::xapi {

// Filled while a plan runs.
struct Started {
  DeviceBackings backings;
  hypervisor::DomainState domain;
};
using StartedPtr = std::shared_ptr<Started>;

// One use of one disk by one VBD.
struct DiskUse {
  std::string sr;
  std::string vdi;
  std::string data_path;
  bool read_write;
};

// The disk behind a VBD; nullopt for an empty drive.
std::optional<DiskUse> disk_use(const db::Snapshot& view, const db::Object<model::VBD>& vbd);
void detach_disk(sm::Storage& storage, const DiskUse& use);

// "attach disk <device>": attached and activated; backings.disks has its source.
void add_disk_step(Plan& plan, Services& services, const DiskUse& use, const std::string& device,
                   const StartedPtr& started);

// The port of a VIF, as the network daemon wants to be told.
network::PortSpec port_spec(const db::Snapshot& view, const db::Object<model::VIF>& vif);

// "reserve port <device>"; its network must have been ensured by a step before.
void add_port_step(Plan& plan, Services& services, const network::PortSpec& port,
                   const StartedPtr& started);

}  // namespace xcp::xapi
