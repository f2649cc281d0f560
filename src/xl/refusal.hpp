// SPDX-License-Identifier: GPL-2.0-or-later
// How xl says no: a Failure CLIENT_ERROR whose parameters are what to tell the user and the status
// to end with. Statuses are those that scripts know: 1 for most, 2 for a wrong command line, 3 and
// 6 for some wrong values.
#pragma once

#include <string>

#include "base/failure.hpp"

namespace xcp::xl {

inline Failure refusal(std::string message, int status = 1) {
  return Failure("CLIENT_ERROR", {std::move(message), std::to_string(status)});
}

}  // namespace xcp::xl
