// SPDX-License-Identifier: GPL-2.0-or-later
// Plans of VM operations: which daemon does what in which order, and how each step is taken back.
// A plan changes devices only; the records are changed by the handler's commit when the plan has
// run. The step names are part of the tests (golden files, fault injection).
#pragma once

#include <memory>

#include "base/plan.hpp"
#include "xapi/context.hpp"
#include "xapi/plans/vm_spec.hpp"

namespace xcp::xapi {

// Filled while a plan runs.
struct Started {
  DeviceBackings backings;
  hypervisor::DomainState domain;
};

// Attach disks, reserve ports, build the domain, activate ports, unpause.
Plan start_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                bool paused, std::shared_ptr<Started> started);

// As start_plan, from the suspend image.
Plan resume_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                 bool paused, std::shared_ptr<Started> started);

// Takes back what a started VM holds; everything in it may be gone already.
Plan stop_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm);

// Makes the suspend VDI and saves the guest into it.
Plan suspend_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                  const Ref<model::SR>& sr, std::shared_ptr<sm::VdiInfo> image);

// One device of a running VM.
Plan plug_vbd_plan(Services& services, const db::Snapshot& view, const db::Object<model::VBD>& vbd);
Plan unplug_vbd_plan(Services& services, const db::Snapshot& view,
                     const db::Object<model::VBD>& vbd);
Plan plug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<model::VIF>& vif);
Plan unplug_vif_plan(Services& services, const db::Snapshot& view,
                     const db::Object<model::VIF>& vif);

network::PortSpec port_spec(const db::Snapshot& view, const db::Object<model::VIF>& vif);

}  // namespace xcp::xapi
