// SPDX-License-Identifier: GPL-2.0-or-later
// The little HTTP the client speaks on its second connections: heads of answers and the URLs the
// server hands out. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xe/options.hpp"

namespace xcp::xe {

struct HttpHead {
  int status = 0;
  std::string reason;
  std::optional<std::string> location;
  std::optional<std::uint64_t> content_length;
};

// Status line and header lines without the empty line at the end; nullopt when it is not HTTP.
std::optional<HttpHead> parse_http_head(std::string_view text);

// Where to send a request, and its target.
struct Request {
  std::vector<Target> targets;
  std::string path;
};

// https://<host>[:port]/<path> goes to that host, everything else is a path on the server the user
// named.
Request resolve_url(const Settings& settings, std::string_view url);

}  // namespace xcp::xe
