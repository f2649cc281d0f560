// SPDX-License-Identifier: GPL-2.0-or-later
// The failures of this daemon, each made in one place so that codes and parameters stay the same.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>

#include "base/failure.hpp"

namespace xcp::sm {

// Numbers of SR_BACKEND_FAILURE_<n>, as storage plugins have always given them.
enum class BackendError {
  invalid_argument = 1,
  device_invalid = 19,
  sr_exists = 42,
  vdi_exists = 43,
  no_space = 44,
  vdi_unavailable = 46,
  sr_unavailable = 47,
  mount = 52,
  unmount = 53,
  filesystem = 57,
  vdi_type = 66,
  vdi_create = 78,
  device_missing = 90,
  location_missing = 94,
  chain_too_long = 109,
};

// SR_BACKEND_FAILURE_<n> [reason, message, ""]: the reason is the number's name.
Failure backend_failure(BackendError error, std::string message,
                        std::source_location where = std::source_location::current());

Failure vdi_missing(const std::string& sr, const std::string& vdi);
Failure vdi_in_use(const std::string& vdi, const std::string& operation);
Failure vdi_too_small(const std::string& vdi, std::int64_t minimum_bytes);
Failure vdi_too_large(const std::string& vdi, std::int64_t maximum_bytes);
Failure sr_not_attached(const std::string& sr);

// True for the system's words on a full file system or an exhausted quota.
bool says_no_space(std::string_view text);

// Runs `body`; an INTERNAL_ERROR that tells of a full file system becomes the backend failure
// no_space, so that callers can react to it.
template <class Body>
auto naming_no_space(Body&& body) {
  try {
    return body();
  } catch (const Failure& failure) {
    if (failure.code() == "INTERNAL_ERROR" && says_no_space(failure.what()))
      throw backend_failure(BackendError::no_space,
                            "there is not enough space: " + failure.params().front());
    throw;
  }
}

}  // namespace xcp::sm
