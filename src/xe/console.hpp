// SPDX-License-Identifier: GPL-2.0-or-later
// The text console of a guest on the user's terminal.
#pragma once

#include "xe/protocol.hpp"

namespace xcp::xe {

// Relays both ways until the user types Ctrl-] or the standard input ends (Done), or until the
// server has no console any more (Failed; the user has been told why). A dropped connection is
// opened again with growing pauses; nothing typed meanwhile is lost.
Transfer run_console(Session& session, const cli::HttpConnect& command);

}  // namespace xcp::xe
