// SPDX-License-Identifier: GPL-2.0-or-later
// See transfer_watch.hpp.
#include "xapi/plans/transfer_watch.hpp"

#include <chrono>

#include "base/failure.hpp"

namespace xcp::xapi {

namespace {

constexpr std::chrono::milliseconds interval{100};

}  // namespace

TransferWatch::TransferWatch(sm::Storage& storage, std::string vdi,
                             std::function<void(double)> progress, std::function<bool()> cancelled)
    : storage_(storage),
      vdi_(std::move(vdi)),
      progress_(std::move(progress)),
      cancelled_(std::move(cancelled)),
      thread_([this] { run(); }) {}

TransferWatch::~TransferWatch() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void TransferWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval, [&] { return over_; })) {
    lock.unlock();
    const bool done = look();
    lock.lock();
    if (done) return;
  }
}

bool TransferWatch::look() {
  try {
    if (cancelled_()) {
      storage_.cancel(vdi_);
      return true;
    }
    progress_(storage_.progress(vdi_));
  } catch (const std::exception&) {
    // Not begun or ended already (VDI_MISSING), or the daemon is away: the call itself tells.
  }
  return false;
}

}  // namespace xcp::xapi
