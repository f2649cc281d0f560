// SPDX-License-Identifier: GPL-2.0-or-later
// What the storage daemon tells about a disk, as the record of a VDI. Everybody who makes a disk
// (VDI.create, SR.scan, suspending, copying a VM) records it through these, so all write the same.
#pragma once

#include "xapi/context.hpp"

namespace xcp::xapi {

// The record of a VDI that the storage daemon told of. snapshot_of is left null: it is known only
// inside a transaction (record_vdi).
model::RecordValue vdi_record(const sm::VdiInfo& info, const Ref<model::SR>& sr);

// The VDI of that uuid now says what the storage daemon told: made when there is none (SR.scan may
// have found it before its maker came to record it), corrected when there is one. What only the
// database knows (other_config, tags, ...) is left; so are the names where the SR keeps none.
Ref<model::VDI> record_vdi(db::Transaction& change, const sm::VdiInfo& info,
                           const Ref<model::SR>& sr);

// The same for a snapshot, clone or copy of `origin`, which takes what the database alone knows
// from there.
Ref<model::VDI> record_branch(db::Transaction& change, const Ref<model::VDI>& origin,
                              const sm::VdiInfo& info, const Ref<model::SR>& sr);

// Sizes of an SR.
void record_sr_state(db::Transaction& change, const Ref<model::SR>& sr, const sm::SrState& state);

// Removes the record of a disk that is gone, and with it the VBDs that showed it: drives become
// empty, the others go.
void drop_vdi(db::Transaction& change, const Ref<model::VDI>& vdi);

}  // namespace xcp::xapi
