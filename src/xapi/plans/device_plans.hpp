// SPDX-License-Identifier: GPL-2.0-or-later
// Plans for one device of a running VM. A device that was taken out is put back when a later step
// fails.
#pragma once

#include "base/plan.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// VBD_IS_EMPTY for a drive without a medium.
Plan plug_vbd_plan(Services& services, const db::Snapshot& view, const db::Object<model::VBD>& vbd);
Plan unplug_vbd_plan(Services& services, const db::Snapshot& view,
                     const db::Object<model::VBD>& vbd);
Plan insert_medium_plan(Services& services, const db::Snapshot& view,
                        const db::Object<model::VBD>& vbd, const db::Object<model::VDI>& medium);
Plan eject_medium_plan(Services& services, const db::Snapshot& view,
                       const db::Object<model::VBD>& vbd);

Plan plug_vif_plan(Services& services, const db::Snapshot& view, const db::Object<model::VIF>& vif);
Plan unplug_vif_plan(Services& services, const db::Snapshot& view,
                     const db::Object<model::VIF>& vif);
// Out of one network and into another.
Plan move_vif_plan(Services& services, const db::Snapshot& view, const db::Object<model::VIF>& vif,
                   const Ref<model::network>& network);

}  // namespace xcp::xapi
