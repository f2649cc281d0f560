// SPDX-License-Identifier: GPL-2.0-or-later
// The headers of Xen's libraries, which know nothing of C++, and the ends of what they allocate.
#pragma once

extern "C" {
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <xenstore.h>
}
// A macro of theirs that stands in the way.
#undef INVALID_DOMID

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace xcp::hypervisor::libxl {

inline constexpr std::uint32_t no_domain = ~std::uint32_t{0};

struct Freed {
  void operator()(void* memory) const { free(memory); }
};
template <class T>
using Allocated = std::unique_ptr<T, Freed>;

}  // namespace xcp::hypervisor::libxl
