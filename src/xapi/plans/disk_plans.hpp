// SPDX-License-Identifier: GPL-2.0-or-later
// What plans that make disks have in common.
#pragma once

#include <functional>

#include "xapi/context.hpp"

namespace xcp::xapi {

// Undo of a disk that may or may not have been made; false when there was none.
bool destroy_if_there(sm::Storage& storage, const std::string& sr_uuid,
                      const std::string& vdi_uuid);

// Runs a long storage call that makes the VDI `vdi_uuid`, passing on its progress and stopping it
// when the call's task is cancelled.
sm::VdiInfo with_disk_progress(Context& context, const std::string& vdi_uuid,
                               const std::function<void(double)>& progress,
                               const std::function<sm::VdiInfo()>& call);

}  // namespace xcp::xapi
