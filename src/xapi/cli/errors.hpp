// SPDX-License-Identifier: GPL-2.0-or-later
// Failures of the command line itself. They never reach the API; report() turns them into the texts
// of the protocol.
#pragma once

#include <source_location>
#include <string>

#include "base/failure.hpp"

namespace xcp::cli {

class Terminal;
class World;

// [command]
inline constexpr const char* unknown_command = "CLI_UNKNOWN_COMMAND";
// [word]
inline constexpr const char* syntax_error = "CLI_SYNTAX_ERROR";
// [name]
inline constexpr const char* missing_parameter = "CLI_MISSING_PARAMETER";
// [sentence]
inline constexpr const char* command_error = "CLI_ERROR";
// The client went away.
inline constexpr const char* connection_lost = "CLI_CONNECTION_LOST";
// Everything has been said already.
inline constexpr const char* already_reported = "CLI_REPORTED";

Failure cli_error(std::string sentence,
                  std::source_location where = std::source_location::current());

// One line about a failure, for lists of objects that failed.
std::string summary(const Failure& failure, World* world);

// Tells the user everything about a failure. `world` may be null (no session yet).
void report(const Failure& failure, Terminal& terminal, World* world);

}  // namespace xcp::cli
