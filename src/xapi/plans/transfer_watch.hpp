// SPDX-License-Identifier: GPL-2.0-or-later
// Beside a storage call that copies data: tells how far it is, and stops it when its task is
// cancelled. The call itself blocks on the thread that made the watch.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "sm/storage.hpp"

namespace xcp::xapi {

class TransferWatch {
 public:
  // `vdi`: the disk that is being made. Both functions are called from the watch's thread, until
  // the destructor returns.
  TransferWatch(sm::Storage& storage, std::string vdi, std::function<void(double)> progress,
                std::function<bool()> cancelled);
  ~TransferWatch();
  TransferWatch(const TransferWatch&) = delete;
  TransferWatch& operator=(const TransferWatch&) = delete;

 private:
  void run();
  bool look();  // true when there is nothing more to do

  sm::Storage& storage_;
  const std::string vdi_;
  const std::function<void(double)> progress_;
  const std::function<bool()> cancelled_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace xcp::xapi
