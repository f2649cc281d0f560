// SPDX-License-Identifier: GPL-2.0-or-later
// See loop.hpp.
#include "xapi/http/loop.hpp"

#include <csignal>
#include <utility>

namespace xcp::http {

Loop::Loop() : work_(asio::make_work_guard(io_)) {}

Loop::~Loop() = default;

void Loop::start() {
  thread_ = std::thread([this] {
    // OpenSSL writes to sockets without MSG_NOSIGNAL.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    io_.run();
  });
}

void Loop::stop() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  stopped_ = true;
  asio::post(io_, [this] { close_residents(); });
}

void Loop::join() {
  if (thread_.joinable()) {
    thread_.join();
  } else {
    io_.run();  // never started: what waits still has to be closed
  }
}

void Loop::add(std::shared_ptr<Resident> resident) {
  const Resident* key = resident.get();
  residents_.emplace(key, std::move(resident));
}

void Loop::remove(const Resident* resident) {
  residents_.erase(resident);
}

void Loop::close_residents() {
  // Closing may let residents remove themselves or add a successor.
  while (!residents_.empty()) {
    auto resident = std::move(residents_.begin()->second);
    residents_.erase(residents_.begin());
    resident->close();
  }
  work_.reset();
}

}  // namespace xcp::http
