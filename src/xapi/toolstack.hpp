// SPDX-License-Identifier: GPL-2.0-or-later
// All parts of xapi put together: made, it serves; destroyed, it has stopped. Guests are not
// touched by either.
#pragma once

#include <memory>
#include <string>

#include "xapi/context.hpp"

namespace xcp::xapi {

class Toolstack {
 public:
  // Throws when the state directory, the database or the unix socket cannot be used. A TCP port
  // that is in use is told in the log and left alone; the API is served on the unix socket then.
  explicit Toolstack(const Settings& settings);
  ~Toolstack();

  // Why HTTPS is not served though it was asked for; empty when it is.
  const std::string& https_refusal() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace xcp::xapi
