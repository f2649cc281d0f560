// SPDX-License-Identifier: GPL-2.0-or-later
// The part of reconcile that looks at single devices: what an operation that died half-way left
// open in a guest, in the storage and in the network.
#pragma once

#include "xapi/context.hpp"

namespace xcp::xapi {

// For a running VM without operations: it writes to the images its disks are now (a snapshot may
// have been taken without the guest being told), and its CD drives hold what the records say or,
// when the guest or a dead eject took the medium out, the records say so.
void settle_devices(Services& services, const Ref<model::VM>& vm,
                    const hypervisor::DomainState& domain);

// For a locked VM whose domain has ended: true when it ended because it was being suspended. It is
// recorded as that then. The image of a guest that ended while its image was open for writing is
// taken for complete; when it is not, VM.resume says so.
bool complete_suspend(Context& context, const Ref<model::VM>& vm);

// Removes the suspend images of guests that run again. False: to be tried again.
bool remove_used_images(Services& services);

// Detaches disks and removes ports that no guest has. False: some could not be looked at because
// their VM has an operation; to be tried again.
bool release_unused_devices(Services& services);

// What is done in nobody's name.
Session internal_session();

}  // namespace xcp::xapi
