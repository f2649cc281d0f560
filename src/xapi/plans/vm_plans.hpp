// SPDX-License-Identifier: GPL-2.0-or-later
// Plans of VM operations: which daemon does what in which order, and how each step is taken back.
// A plan changes devices only; the records are changed by the handler's commit when the plan has
// run. The step names are part of the tests (golden files, fault injection).
#pragma once

#include <memory>

#include "base/plan.hpp"
#include "xapi/context.hpp"
#include "xapi/plans/device_steps.hpp"

namespace xcp::xapi {

// Attach disks, ensure networks, reserve ports, build the domain, activate ports, unpause. A domain
// that is there already is left alone: VM_BAD_POWER_STATE.
Plan start_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                bool paused, StartedPtr started);

// As start_plan, from the suspend image.
Plan resume_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                 bool paused, StartedPtr started);

// Takes back what a started VM holds; everything in it may be gone already.
Plan stop_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm);

// The data path of a VM's memory image, by the VM's uuid.
inline constexpr std::string_view suspend_path_prefix = "suspend-";
std::string suspend_path(const std::string& vm);

// The disk that takes a VM's memory, with a fresh uuid.
sm::VdiSpec memory_image(const db::Object<model::VM>& vm);

// Makes the suspend VDI `spec` and saves the guest into it. When it has run the guest is nothing
// but its image, so the caller records that before it releases the rest with release_plan.
Plan suspend_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                  const Ref<model::SR>& sr, const sm::VdiSpec& spec,
                  std::shared_ptr<sm::VdiInfo> image);
// Removes the image of a guest that runs again.
Plan forget_image_plan(Services& services, const db::Snapshot& view,
                       const db::Object<model::VDI>& image);
Plan release_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm,
                  const Ref<model::SR>& sr, const sm::VdiInfo& image);

}  // namespace xcp::xapi
