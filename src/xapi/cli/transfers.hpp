// SPDX-License-Identifier: GPL-2.0-or-later
// File transfers: the client moves the data by HTTP, a task tells how it went. The handler of the
// URL must raise the task's progress from -1 to 0 when it takes over, and end the task.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xapi/cli/run.hpp"

namespace xcp::cli {

enum class Direction { ToUser, FromUser };

using Query = std::vector<std::pair<std::string, std::string>>;

// "/path?a=b&...", everything in the query encoded.
std::string make_target(std::string_view path, const Query& query);

// Moves a file and waits for the task, made here unless task-uuid names one. The task's result as
// XML text; its failure, or CLIENT_ERROR when only the client knows of one, is thrown. `host`
// empty: the host that was contacted.
std::string transfer(Run& run, Direction direction, const std::string& filename,
                     std::string_view path, Query query, const std::string& host_address = {});

// The address under which the client reaches a host; empty for the one it talks to.
std::string address_for_client(Run& run, const Object& host);

}  // namespace xcp::cli
