// SPDX-License-Identifier: GPL-2.0-or-later
// A context of libxl for one call of the driver (or for the thread of events): nothing is shared
// with calls at work beside it, what libxl complains of belongs to this call, and all that libxl
// holds is given back at the end. Made and used by one thread. The constructor throws
// INTERNAL_ERROR with the reason when this machine does not run under Xen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/failure.hpp"
#include "hypervisor/libxl/xen.hpp"

namespace xcp::hypervisor::libxl {

class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  libxl_ctx* get() const { return context_; }
  operator libxl_ctx*() const { return context_; }  // NOLINT: every function of libxl takes one

  // INTERNAL_ERROR ["<what>: <what libxl said, or the name of its code>"].
  Failure failure(const std::string& what, int code) const;
  // libxl has said that something is wrong; for functions of it that tell by their result alone.
  bool complained() const;
  // Throws the failure when `code` is one of an error.
  void check(int code, const std::string& what) const;

 private:
  struct Log;
  std::unique_ptr<Log> log_;
  libxl_ctx* context_ = nullptr;
};

// A suspended domain goes on where it stopped: its memory is not made new, as after a restore.
// libxl's code.
int resume_in_place(Context& context, std::uint32_t domid);

// "123e4567-..." and back.
std::string uuid_text(const libxl_uuid& uuid);
libxl_uuid uuid_bytes(const std::string& text);

}  // namespace xcp::hypervisor::libxl
