// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: a connection's bytes, plain or TLS, as non-blocking calls on one
// descriptor. Streams know nothing of event loops: a call that can not go on says what it waits
// for.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>

#include "base/fd.hpp"

namespace xcp::http {

enum class IoStatus {
  Ok,         // `bytes` were moved, at least one (handshake: done)
  WantRead,   // try again when the descriptor is readable
  WantWrite,  // try again when it is writable
  End,        // the other side closed its sending direction
  Broken,     // nothing goes any more in this direction
};

struct IoResult {
  IoStatus status = IoStatus::Ok;
  std::size_t bytes = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual int fd() const = 0;
  virtual IoResult handshake() = 0;
  virtual IoResult read(char* buffer, std::size_t size) = 0;
  // After WantWrite the same bytes must be offered again, from any address, more behind them
  // allowed.
  virtual IoResult write(const iovec* parts, std::size_t count) = 0;
  // True when read() would return something although the descriptor is not readable.
  virtual bool has_buffered_input() const = 0;
  // Tells the other side that nothing follows; reading goes on. As far as it goes without blocking.
  virtual void close_writing() = 0;
  // The handshake failed because the client speaks HTTP without TLS.
  virtual bool client_speaks_plain_http() const { return false; }
};

// Both take a connected socket and make it non-blocking.
std::unique_ptr<Stream> make_plain_stream(UniqueFd socket);

}  // namespace xcp::http
