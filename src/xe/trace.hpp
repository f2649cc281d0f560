// SPDX-License-Identifier: GPL-2.0-or-later
// The client's debugging trace: to standard error with --debug, kept and shown only after a failure
// with --debug-on-fail, nowhere otherwise. Passwords never get here.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace xcp::xe {

class Trace {
 public:
  // `err` is where to write to.
  Trace(int err, bool now, bool on_fail);

  void line(std::string_view text);
  // Writes out what --debug-on-fail has kept.
  void show_kept();
  bool active() const { return now_ || kept_; }

 private:
  int err_;
  bool now_;
  UniqueFd kept_;
};

}  // namespace xcp::xe
