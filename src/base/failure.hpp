// SPDX-License-Identifier: GPL-2.0-or-later
// The one error type. A Failure is a XenAPI error code with its string parameters and the place
// that made it; it is thrown by the generated factories of errors.gen.hpp and caught in one place
// (the dispatcher, or a daemon's RPC loop, which carries it over the socket unchanged).
#pragma once

#include <exception>
#include <source_location>
#include <string>
#include <vector>

namespace xcp {

class Failure : public std::exception {
 public:
  explicit Failure(std::string code, std::vector<std::string> params = {},
                   std::source_location where = std::source_location::current());

  const std::string& code() const noexcept { return code_; }
  const std::vector<std::string>& params() const noexcept { return params_; }
  const std::source_location& where() const noexcept { return where_; }

  // "CODE [p1, p2]".
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string code_;
  std::vector<std::string> params_;
  std::source_location where_;
  std::string text_;
};

// INTERNAL_ERROR [message]: something that should not happen; the message says what and where.
Failure internal_error(std::string message,
                       std::source_location where = std::source_location::current());

// INTERNAL_ERROR ["<what>: <strerror(error)>"] for a failed system call.
Failure system_failure(const std::string& what, int error,
                       std::source_location where = std::source_location::current());

}  // namespace xcp
