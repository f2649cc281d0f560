// SPDX-License-Identifier: GPL-2.0-or-later
// The first bytes of a qcow2 image, read before any program opens it: which other files it names.
// A pure parser over hostile bytes; it never follows what it reads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace xcp::sm {

struct Qcow2Header {
  std::int64_t virtual_size = 0;
  std::string backing_file;    // empty: none
  std::string backing_format;  // empty: the image does not say
  bool external_data = false;  // guest data live in another file
  bool encrypted = false;
  bool damaged = false;  // QEMU marked the image as corrupt
};

// How much of an image parse_qcow2_header wants to see; more is ignored, less is accepted when the
// header is complete in it.
inline constexpr std::size_t qcow2_header_bytes = 4096;

// Throws INTERNAL_ERROR saying what is wrong: no qcow2 image, an unknown version or feature, a size
// beyond 2^62, offsets outside of `bytes`.
Qcow2Header parse_qcow2_header(std::string_view bytes);

}  // namespace xcp::sm
