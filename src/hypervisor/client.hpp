// SPDX-License-Identifier: GPL-2.0-or-later
// The hypervisor contract over the daemon's socket. Same failures, same blocking calls; besides,
// any call throws INTERNAL_ERROR when the daemon is away for longer than the link's patience.
#pragma once

#include <memory>
#include <string>

#include "hypervisor/hypervisor.hpp"

namespace xcp::hypervisor {

std::unique_ptr<Hypervisor> make_client(const std::string& socket_path);

}  // namespace xcp::hypervisor
