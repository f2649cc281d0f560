// SPDX-License-Identifier: GPL-2.0-or-later
// Disk images as files: made, copied and grown with qemu-img, always with explicit formats. Nothing
// here outlives its call (qemu-img dies with the calling thread, also when the daemon is killed),
// and a file whose call failed is left for the caller to remove. A full file system is an
// INTERNAL_ERROR that naming_no_space() recognises.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.hpp"
#include "sm/qcow2_header.hpp"
#include "sm/storage.hpp"
#include "sm/transfer.hpp"

namespace xcp::sm {

inline constexpr std::int64_t largest_image_bytes = std::int64_t{64} << 40;

const char* format_name(ImageFormat format);

// A new empty image, readable by its owner only; `path` must not exist.
void make_image(const std::string& path, ImageFormat format, std::int64_t virtual_size);

// A new qcow2 image that shows `backing`, a file name in the same directory, until written to. The
// backing image is not opened.
void make_overlay(const std::string& path, const std::string& backing, ImageFormat backing_format,
                  std::int64_t virtual_size);

// Grows an image that nobody has open.
void grow_image(const std::string& path, ImageFormat format, std::int64_t virtual_size);

// Writes a new, self-contained image with the content of `from` and everything below it. Progress
// and cancellation go through `transfer`; a copy that neither advances nor writes for ten minutes
// fails.
void convert_image(const std::string& from, ImageFormat from_format, const std::string& to,
                   ImageFormat to_format, Transfer& transfer);

// A new file `to` with the bytes of `from`: shared blocks where the file system can, else a copy
// that keeps the holes.
void copy_file(int from, const std::string& to, Transfer& transfer);

// The header of a qcow2 image that others made. Throws backend failure vdi_type unless the image
// stands alone: no backing file, no external data, no encryption, not marked as damaged.
Qcow2Header foreign_header(int fd);

// The same for a file that only we can change, and qemu-img must be able to open it.
Qcow2Header inspect_foreign_image(const std::string& path);

// The header of an open qcow2 file.
Qcow2Header read_qcow2_header(int fd);

// The content is on disk when this returns.
void sync_file(const std::string& path);
void sync_directory(const std::string& path);

}  // namespace xcp::sm
