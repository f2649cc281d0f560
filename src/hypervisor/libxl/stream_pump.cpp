// SPDX-License-Identifier: GPL-2.0-or-later
// See stream_pump.hpp.
#include "hypervisor/libxl/stream_pump.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::size_t piece = 256 * 1024;

}  // namespace

StreamPump::StreamPump(MigrationLink& link) : link_(link) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw system_failure("pipe", errno);
  output_.reset(ends[0]);
  input_.reset(ends[1]);
  fcntl(input_.get(), F_SETPIPE_SZ, 4 * piece);  // a smaller one is slower, no more
  thread_ = std::thread([this] { relay(); });
}

StreamPump::~StreamPump() {
  input_.reset();
  if (thread_.joinable()) thread_.join();
}

void StreamPump::relay() {
  try {
    std::string buffer;
    for (;;) {
      const std::size_t kept = held_.size();
      buffer = std::move(held_);
      buffer.resize(kept + piece);
      const std::size_t n = read_some(output_.get(), buffer.data() + kept, piece);
      buffer.resize(kept + n);
      const std::size_t held = std::min(buffer.size(), end_of_stream_bytes);
      held_ = buffer.substr(buffer.size() - held);
      buffer.resize(buffer.size() - held);
      if (n == 0) break;
      link_.send(buffer);
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  output_.reset();
}

std::string StreamPump::finish() {
  input_.reset();
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(failure_);
  return held_;
}

}  // namespace xcp::hypervisor::libxl
