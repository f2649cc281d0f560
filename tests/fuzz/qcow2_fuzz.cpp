// SPDX-License-Identifier: GPL-2.0-or-later
// The first bytes of a disk image that somebody else made.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/failure.hpp"
#include "sm/qcow2_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const xcp::sm::Qcow2Header header = xcp::sm::parse_qcow2_header(bytes);
    // What it names was in what it was given.
    if (bytes.find(header.backing_file) == std::string_view::npos ||
        bytes.find(header.backing_format) == std::string_view::npos || header.virtual_size < 0)
      std::abort();
  } catch (const xcp::Failure&) {
  }
  return 0;
}
