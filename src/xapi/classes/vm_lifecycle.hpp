// SPDX-License-Identifier: GPL-2.0-or-later
// Parts of the VM's life that other handlers use.
#pragma once

#include "xapi/classes/vdi.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// HOST_OFFLINE for any but this one.
void check_host(Context& context, const Ref<model::host>& host);

// Where the memory of a suspended VM goes: the VM's own choice, the host's, the pool's, the default
// SR. VM_NO_SUSPEND_SR [vm] when there is none.
Ref<model::SR> suspend_sr(const db::Snapshot& view, const Services& services,
                          const db::Object<model::VM>& vm);

}  // namespace xcp::xapi
