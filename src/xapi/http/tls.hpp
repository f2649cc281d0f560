// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: the server side of TLS over a non-blocking socket.
#pragma once

#include <memory>
#include <string>

#include "base/fd.hpp"
#include "xapi/http/stream.hpp"

namespace xcp::http {

// Certificate, key and settings, shared by connections; immutable.
class TlsContext {
 public:
  // From one PEM file with private key and certificate chain. Throws Failure that names the file.
  explicit TlsContext(const std::string& pem_path);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A stream for an accepted socket, made non-blocking; its handshake has yet to be done. The
  // calling thread must have SIGPIPE blocked or ignored.
  std::unique_ptr<Stream> accept(UniqueFd socket) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace xcp::http
