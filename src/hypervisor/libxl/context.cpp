// SPDX-License-Identifier: GPL-2.0-or-later
// See context.hpp.
#include "hypervisor/libxl/context.hpp"

#include <xentoollog.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::size_t longest_complaint = 2000;

// Helpers of libxl end while we wait for programs of our own: each collects its own children.
const libxl_childproc_hooks own_children_only{libxl_sigchld_owner_libxl_always_selective_reap,
                                              nullptr, nullptr};

}  // namespace

// The vtable comes first: libxl gives us its address.
struct Context::Log {
  xentoollog_logger table{};
  std::string complaints;

  static void message(xentoollog_logger* logger, xentoollog_level level, int error, const char*,
                      const char* format, va_list arguments) {
    if (level < XTL_ERROR) return;
    std::array<char, 1024> text;
    vsnprintf(text.data(), text.size(), format, arguments);
    std::string& all = reinterpret_cast<Log*>(logger)->complaints;
    if (all.size() > longest_complaint) return;
    if (!all.empty()) all += "; ";
    all += text.data();
    if (error > 0) all += std::string(": ") + strerror(error);
  }
};

Context::Context() : log_(std::make_unique<Log>()) {
  log_->table.vmessage = &Log::message;
  const int code = libxl_ctx_alloc(&context_, LIBXL_VERSION, 0, &log_->table);
  if (code != 0) throw failure("cannot speak to Xen (was this host booted under it?)", code);
  libxl_childproc_setmode(context_, &own_children_only, nullptr);
}

Context::~Context() {
  libxl_ctx_free(context_);
}

Failure Context::failure(const std::string& what, int code) const {
  std::string reason = log_->complaints;
  if (reason.empty()) {
    const char* name = libxl_error_to_string(static_cast<libxl_error>(code));
    reason = name != nullptr ? name : "error " + std::to_string(code);
  }
  return internal_error(what + ": " + reason);
}

bool Context::complained() const {
  return !log_->complaints.empty();
}

void Context::check(int code, const std::string& what) const {
  if (code < 0) throw failure(what, code);
}

int resume_in_place(Context& context, std::uint32_t domid) {
  constexpr int where_it_stopped = 1;
  return libxl_domain_resume(context, domid, where_it_stopped, nullptr);
}

std::string uuid_text(const libxl_uuid& uuid) {
  std::array<char, 37> text;
  const unsigned char* b = uuid.uuid;
  snprintf(text.data(), text.size(),
           "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return text.data();
}

libxl_uuid uuid_bytes(const std::string& text) {
  libxl_uuid uuid;
  if (libxl_uuid_from_string(&uuid, text.c_str()) != 0)
    throw Failure("INVALID_VALUE", {"uuid", text});
  return uuid;
}

}  // namespace xcp::hypervisor::libxl
