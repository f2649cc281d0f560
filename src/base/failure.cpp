// SPDX-License-Identifier: GPL-2.0-or-later
// Failure keeps its text ready-made, so that what() can be noexcept.
#include "base/failure.hpp"

#include <system_error>

namespace xcp {

Failure::Failure(std::string code, std::vector<std::string> params, std::source_location where)
    : code_(std::move(code)), params_(std::move(params)), where_(where), text_(code_) {
  if (params_.empty()) return;
  text_ += " [";
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (i != 0) text_ += ", ";
    text_ += params_[i];
  }
  text_ += ']';
}

Failure internal_error(std::string message, std::source_location where) {
  return Failure("INTERNAL_ERROR", {std::move(message)}, where);
}

Failure system_failure(const std::string& what, int error, std::source_location where) {
  return internal_error(what + ": " + std::system_category().message(error), where);
}

}  // namespace xcp
