// SPDX-License-Identifier: GPL-2.0-or-later
// See failure_text.hpp.
#include "xl/failure_text.hpp"

#include <fmt/format.h>

namespace xcp::xl {

namespace {

struct Row {
  const char* code;
  const char* sentence;
};

constexpr Row rows[] = {
    {"DOMAIN_NOT_FOUND", "the domain is gone"},
    {"DOMAIN_EXISTS", "a domain with this uuid runs already"},
    {"CPU_POOL_NOT_FOUND", "there is no such CPU pool"},
    {"DEVICE_ALREADY_EXISTS", "the domain has such a device already"},
    {"DEVICE_NOT_ATTACHED", "the domain has no such device"},
    {"DEVICE_DETACH_REJECTED", "the guest did not let go of the device"},
    {"DEVICE_DETACH_TIMEOUT", "the guest did not let go of the device in time"},
    {"HOST_NOT_ENOUGH_FREE_MEMORY", "the host has not enough free memory"},
    {"INVALID_VALUE", "the hypervisor does not take this value"},
    {"VALUE_NOT_SUPPORTED", "the hypervisor does not support this value"},
    {"MAC_INVALID", "this is not a MAC address"},
    {"OPERATION_NOT_ALLOWED", "this is not possible now"},
    {"NOT_IMPLEMENTED", "this hypervisor cannot do this"},
    {"VBD_NOT_REMOVABLE_MEDIA", "this is not a CD drive"},
    {"SUSPEND_IMAGE_NOT_ACCESSIBLE", "the saved image cannot be read"},
    {"VM_CRASHED", "the guest crashed"},
};

}  // namespace

std::string text_of(const Failure& failure) {
  if (failure.code() == "CLIENT_ERROR") return failure.params().empty() ? "" : failure.params()[0];
  for (const Row& row : rows)
    if (failure.code() == row.code)
      return failure.params().empty()
                 ? std::string(row.sentence)
                 : fmt::format("{}: {}", row.sentence, fmt::join(failure.params(), ", "));
  if (failure.code() == "INTERNAL_ERROR" && !failure.params().empty()) return failure.params()[0];
  return failure.what();
}

bool is_lack_of_xen(const Failure& failure) {
  return failure.code() == "NOT_IMPLEMENTED" && !failure.params().empty() &&
         failure.params()[0].starts_with("xen.");
}

int status_of(const Failure& failure) {
  if (failure.code() == "CLIENT_ERROR" && failure.params().size() > 1)
    return std::stoi(failure.params()[1]);
  return 1;
}

}  // namespace xcp::xl
