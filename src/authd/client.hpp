// SPDX-License-Identifier: GPL-2.0-or-later
// The authentication contract over the daemon's socket, a fresh connection for each question (the
// daemon answers one a connection). Any thread may call. Besides what auth.hpp says, check() throws
// INTERNAL_ERROR when the daemon is away for two seconds, or when PAM took longer than the daemon's
// deadline of 30 s.
#pragma once

#include <memory>
#include <string>

#include "authd/auth.hpp"

namespace xcp::auth {

std::unique_ptr<Auth> make_client(const std::string& socket_path);

}  // namespace xcp::auth
