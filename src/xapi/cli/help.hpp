// SPDX-License-Identifier: GPL-2.0-or-later
// The command help, which needs no session.
#pragma once

#include "xapi/cli/printer.hpp"
#include "xapi/cli/words.hpp"

namespace xcp::cli {

// "help", "help --all", "help <command>...". CLI_UNKNOWN_COMMAND for a name that is none.
void run_help(const Words& words, Printer& printer);

}  // namespace xcp::cli
