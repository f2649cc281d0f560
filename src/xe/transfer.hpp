// SPDX-License-Identifier: GPL-2.0-or-later
// File transfers over a second connection, made by the client at the server's request. Both return
// how it went and tell the user the reason of a failure; the caller answers the server.
#pragma once

#include "xe/protocol.hpp"

namespace xcp::xe {

// PUT: a regular file with its length, anything else until its end.
Transfer upload(Session& session, const cli::HttpPut& command);

// GET into a new file (mode 0600, must not exist), or to the standard output without a filename.
// A file received only in part is removed.
Transfer download(Session& session, const cli::HttpGet& command);

}  // namespace xcp::xe
