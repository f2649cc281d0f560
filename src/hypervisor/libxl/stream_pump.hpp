// SPDX-License-Identifier: GPL-2.0-or-later
// Relays libxl's stream of a domain from a pipe to the connection of a migration, on a thread of
// its own, and holds its end back: the receiver's libxl starts no device before it has read that,
// so the disks can be brought to rest first.
#pragma once

#include <exception>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "hypervisor/migration_link.hpp"

namespace xcp::hypervisor::libxl {

// The last record of libxl's stream: a type and a length, both zero.
inline constexpr std::size_t end_of_stream_bytes = 8;

class StreamPump {
 public:
  // `link` is the pump's until finish() has returned.
  explicit StreamPump(MigrationLink& link);
  ~StreamPump();
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // Where the stream is to be written; -1 after finish(). Whoever writes there gets EPIPE once the
  // connection is lost.
  int input() const { return input_.get(); }

  // The writer is done. Waits until all but the end has been sent and returns the end; throws what
  // sending threw.
  std::string finish();

 private:
  void relay();

  MigrationLink& link_;
  UniqueFd input_;
  UniqueFd output_;  // the pipe's other side, the thread's own
  std::string held_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace xcp::hypervisor::libxl
