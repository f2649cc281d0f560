// SPDX-License-Identifier: GPL-2.0-or-later
// Moving a running guest. Its disks and ports are where they were: only its domain is another one
// afterwards.
#pragma once

#include "base/plan.hpp"
#include "xapi/context.hpp"
#include "xapi/plans/device_steps.hpp"

namespace xcp::xapi {

// Within this host. started->domain is the new one. There is no way back when the step has run, and
// nothing to take back when it has not.
Plan migrate_plan(Services& services, const db::Object<model::VM>& vm, bool live,
                  StartedPtr started);

// The ports' devices are new ones: what the network daemon had set on them is set again.
Plan activate_plan(Services& services, const db::Snapshot& view, const db::Object<model::VM>& vm);

}  // namespace xcp::xapi
