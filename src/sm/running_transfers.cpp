// SPDX-License-Identifier: GPL-2.0-or-later
// See running_transfers.hpp.
#include "sm/running_transfers.hpp"

#include "sm/failures.hpp"

namespace xcp::sm {

RunningTransfers::Running::Running(RunningTransfers& all, std::string vdi)
    : all_(all), vdi_(std::move(vdi)), transfer_(std::make_shared<Transfer>()) {
  std::lock_guard lock(all_.mutex_);
  if (all_.stopped_) transfer_->cancel();
  if (!all_.running_.emplace(vdi_, transfer_).second)
    throw backend_failure(BackendError::vdi_exists, "VDI " + vdi_ + " is being made already");
}

RunningTransfers::Running::~Running() {
  std::lock_guard lock(all_.mutex_);
  all_.running_.erase(vdi_);
}

std::shared_ptr<Transfer> RunningTransfers::find(const std::string& vdi) const {
  std::lock_guard lock(mutex_);
  const auto found = running_.find(vdi);
  return found == running_.end() ? nullptr : found->second;
}

void RunningTransfers::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& [vdi, transfer] : running_) transfer->cancel();
}

}  // namespace xcp::sm
