// SPDX-License-Identifier: GPL-2.0-or-later
// The records of an SR's disks follow what is really there.
#pragma once

#include "xapi/context.hpp"
#include "xapi/plans/storage_plans.hpp"

namespace xcp::xapi {

// `before`: the state of the database before the storage was asked. Disks that came since then and
// disks with a running operation are left to whoever made them. A disk that is gone loses its
// record, or is marked as missing when a VM still names it.
void record_content(db::Transaction& change, const db::Snapshot& before, const Ref<model::SR>& sr,
                    const SrContent& content);

// Reads a plugged SR and records what is there; used at start-up.
void scan_sr(Services& services, const Ref<model::SR>& sr);

}  // namespace xcp::xapi
