// SPDX-License-Identifier: GPL-2.0-or-later
// The VDIs that are being made right now: their names are taken, their progress can be asked for
// and they can be cancelled. Any thread may call.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sm/transfer.hpp"

namespace xcp::sm {

class RunningTransfers {
 public:
  // Takes `vdi` for as long as it lives. Throws backend failure vdi_exists when it is taken.
  class Running {
   public:
    Running(RunningTransfers& all, std::string vdi);
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    Transfer& operator*() { return *transfer_; }

   private:
    RunningTransfers& all_;
    const std::string vdi_;
    std::shared_ptr<Transfer> transfer_;
  };

  // nullptr when there is none.
  std::shared_ptr<Transfer> find(const std::string& vdi) const;
  // Cancels all, also those that begin later.
  void stop();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Transfer>> running_;
  bool stopped_ = false;
};

}  // namespace xcp::sm
