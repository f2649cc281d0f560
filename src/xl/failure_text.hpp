// SPDX-License-Identifier: GPL-2.0-or-later
// What xl tells of a Failure, and the status it ends with: a refusal has both, the hypervisor's
// failures get a sentence each.
#pragma once

#include <string>

#include "base/failure.hpp"

namespace xcp::xl {

std::string text_of(const Failure& failure);
int status_of(const Failure& failure);

// What a call of XenControls throws on a host that does not run Xen.
bool is_lack_of_xen(const Failure& failure);

}  // namespace xcp::xl
