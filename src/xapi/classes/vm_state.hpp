// SPDX-License-Identifier: GPL-2.0-or-later
// What the records of a VM say in each power state. Used by the operations when they succeeded, and
// by reconcile when it found a guest in another state than recorded; so both write the same.
#pragma once

#include "hypervisor/hypervisor.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// Running or paused, with the devices the domain has.
void record_started(db::Transaction& change, const Services& services, const Ref<model::VM>& vm,
                    const hypervisor::DomainState& domain);

// Halted: nowhere, no devices attached, no consoles, no guest metrics.
void record_halted(db::Transaction& change, const Ref<model::VM>& vm);

// Suspended with its image.
void record_suspended(db::Transaction& change, const Ref<model::VM>& vm,
                      const Ref<model::VDI>& image);

// What the guest's agent told.
void record_guest(db::Transaction& change, const Ref<model::VM>& vm,
                  const hypervisor::GuestFacts& facts);

// The metrics object of a VM, made when there is none.
Ref<model::VM_metrics> vm_metrics(db::Transaction& change, const Ref<model::VM>& vm);

}  // namespace xcp::xapi
