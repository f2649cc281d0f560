// SPDX-License-Identifier: GPL-2.0-or-later
// One HTTP/1.1 connection of the load client, over a unix socket or TLS: sends whole requests and
// reads replies with Content-Length to their end, doing as little as it can besides. Blocking; not
// thread safe. Everything that goes wrong is a std::runtime_error.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"

struct ssl_st;

namespace xcp::bench {

class Link {
 public:
  // "unix:<path>" or "tls:<port>" (127.0.0.1, any certificate).
  explicit Link(const std::string& address);
  ~Link();
  Link(Link&& other) noexcept;
  Link& operator=(Link&&) = delete;

  int fd() const { return fd_.get(); }
  void send(std::string_view bytes);
  // Reads one reply; its body is valid until the next call. Any status but 200 is a failure.
  std::string_view receive();

 private:
  std::size_t read(char* buffer, std::size_t size);

  UniqueFd fd_;
  ssl_st* tls_ = nullptr;
  std::string buffer_;
};

// "POST <path>" with its headers and body.
std::string post(const std::string& path, std::string_view body);

}  // namespace xcp::bench
