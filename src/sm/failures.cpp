// SPDX-License-Identifier: GPL-2.0-or-later
// See failures.hpp.
#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

const char* name_of(BackendError error) {
  switch (error) {
    case BackendError::invalid_argument:
      return "InvalidArg";
    case BackendError::device_invalid:
      return "InvalidDev";
    case BackendError::sr_exists:
      return "SRExists";
    case BackendError::vdi_exists:
      return "VDIExists";
    case BackendError::no_space:
      return "SRNoSpace";
    case BackendError::vdi_unavailable:
      return "VDIUnavailable";
    case BackendError::sr_unavailable:
      return "SRUnavailable";
    case BackendError::mount:
      return "LVMMount";
    case BackendError::unmount:
      return "LVMUnMount";
    case BackendError::filesystem:
      return "LVMFilesystem";
    case BackendError::vdi_type:
      return "VDIType";
    case BackendError::vdi_create:
      return "VDICreate";
    case BackendError::device_missing:
      return "ConfigDeviceMissing";
    case BackendError::location_missing:
      return "ConfigLocationMissing";
    case BackendError::chain_too_long:
      return "SnapshotChainTooLong";
  }
  return "";
}

}  // namespace

Failure backend_failure(BackendError error, std::string message, std::source_location where) {
  return Failure("SR_BACKEND_FAILURE_" + std::to_string(static_cast<int>(error)),
                 {name_of(error), std::move(message), ""}, where);
}

Failure vdi_missing(const std::string& sr, const std::string& vdi) {
  return Failure("VDI_MISSING", {sr, vdi});
}

Failure vdi_in_use(const std::string& vdi, const std::string& operation) {
  return Failure("VDI_IN_USE", {vdi, operation});
}

Failure vdi_too_small(const std::string& vdi, std::int64_t minimum_bytes) {
  return Failure("VDI_TOO_SMALL", {vdi, std::to_string(minimum_bytes)});
}

Failure vdi_too_large(const std::string& vdi, std::int64_t maximum_bytes) {
  return Failure("VDI_TOO_LARGE", {vdi, std::to_string(maximum_bytes)});
}

Failure sr_not_attached(const std::string& sr) {
  return Failure("SR_NOT_ATTACHED", {sr});
}

bool says_no_space(std::string_view text) {
  return text.find("No space left on device") != std::string_view::npos ||
         text.find("Disk quota exceeded") != std::string_view::npos;
}

}  // namespace xcp::sm
