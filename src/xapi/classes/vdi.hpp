// SPDX-License-Identifier: GPL-2.0-or-later
// What the storage daemon tells about a disk, as the record of a VDI. Everybody who makes a disk
// (VDI.create, SR.scan, suspending, copying a VM) records it through these, so all write the same.
#pragma once

#include "xapi/context.hpp"

namespace xcp::xapi {

// The record of a VDI that the storage daemon told of. snapshot_of is left null: it is known only
// inside a transaction (record_vdi).
model::RecordValue vdi_record(const sm::VdiInfo& info, const Ref<model::SR>& sr);

// The VDI of that uuid now says what the storage daemon told: made when there is none, corrected
// when there is one. What only the database knows (other_config, tags, ...) is left.
Ref<model::VDI> record_vdi(db::Transaction& change, const sm::VdiInfo& info,
                           const Ref<model::SR>& sr);

// The sum of virtual sizes of an SR follows its VDIs.
void record_allocation(db::Transaction& change, const Ref<model::SR>& sr);

}  // namespace xcp::xapi
