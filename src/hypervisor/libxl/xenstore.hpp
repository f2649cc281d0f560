// SPDX-License-Identifier: GPL-2.0-or-later
// A connection to xenstore. What guests write there is bounded by the caller: read() takes no more
// than the limit it is given. One thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "hypervisor/libxl/xen.hpp"

namespace xcp::hypervisor::libxl {

class Xenstore {
 public:
  // Throws INTERNAL_ERROR when there is no xenstore.
  Xenstore();

  // nullopt when there is no such node.
  std::optional<std::string> read(const std::string& path, std::size_t limit = 4096) const;
  // Names below a node, at most `limit`.
  std::vector<std::string> list(const std::string& path, std::size_t limit = 256) const;

  void write(const std::string& path, const std::string& value);

  bool watch(const std::string& path, const std::string& token);
  void unwatch(const std::string& path, const std::string& token);
  // Readable when a watch fired.
  int fd() const;
  // The token of a watch that fired; nullopt when none did. Does not wait.
  std::optional<std::string> fired();

  // Waits until the node is there and not empty; nullopt when it did not come in time.
  std::optional<std::string> wait_for(const std::string& path, std::chrono::milliseconds timeout);

 private:
  struct Closed {
    void operator()(xs_handle* handle) const { xs_close(handle); }
  };
  std::unique_ptr<xs_handle, Closed> handle_;
};

}  // namespace xcp::hypervisor::libxl
