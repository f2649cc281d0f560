// SPDX-License-Identifier: GPL-2.0-or-later
// A running operation that moves data: how far it is, and whether it shall end. One thread works,
// any thread looks and cancels.
#pragma once

#include <atomic>

#include "base/failure.hpp"

namespace xcp::sm {

class Transfer {
 public:
  // What is reported from now on is the part [from, to] of the whole.
  void begin_part(double from, double to) {
    from_ = from;
    to_ = to;
  }
  void report(double fraction_of_part) { fraction_ = from_ + fraction_of_part * (to_ - from_); }
  double fraction() const { return fraction_; }

  void cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }
  // Throws TASK_CANCELLED [] when it shall end; the caller names the task.
  void stop_if_cancelled() const {
    if (cancelled_) throw Failure("TASK_CANCELLED");
  }

 private:
  double from_ = 0;  // of the working thread
  double to_ = 1;
  std::atomic<double> fraction_{0};
  std::atomic<bool> cancelled_{false};
};

}  // namespace xcp::sm
