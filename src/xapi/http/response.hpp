// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: how a Response becomes bytes in keep-alive HTTP.
#pragma once

#include <cstdint>
#include <string>

namespace xcp::http {

struct Response;

// Status line and headers with Content-Length (of the whole body, also in answer to HEAD) and
// Connection.
std::string framed_head(const Response& response, bool keep_alive);

bool may_have_body(unsigned status);

}  // namespace xcp::http
