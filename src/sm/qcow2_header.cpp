// SPDX-License-Identifier: GPL-2.0-or-later
// Big-endian fields at fixed offsets, then tagged extensions up to the name of the backing file.
#include "sm/qcow2_header.hpp"

#include "base/failure.hpp"

namespace xcp::sm {

namespace {

constexpr std::uint64_t feature_dirty = 1;
constexpr std::uint64_t feature_corrupt = 2;
constexpr std::uint64_t feature_external_data = 4;
constexpr std::uint64_t feature_compression = 8;
constexpr std::uint64_t feature_extended_l2 = 16;
constexpr std::uint64_t known_features = feature_dirty | feature_corrupt | feature_external_data |
                                         feature_compression | feature_extended_l2;
constexpr std::uint32_t extension_end = 0;
constexpr std::uint32_t extension_backing_format = 0xe2792aca;
constexpr std::uint32_t extension_external_data = 0x44415441;
constexpr std::uint32_t longest_name = 1023;

[[noreturn]] void refuse(const std::string& why) {
  throw internal_error("not a usable qcow2 image: " + why);
}

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

  std::string_view at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) refuse("its header is cut off");
    return bytes_.substr(offset, size);
  }
  std::uint64_t number(std::uint64_t offset, std::uint64_t size) const {
    std::uint64_t value = 0;
    for (const char c : at(offset, size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::uint32_t u32(std::uint64_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 4));
  }
  std::uint64_t u64(std::uint64_t offset) const { return number(offset, 8); }

 private:
  std::string_view bytes_;
};

void read_extensions(const Bytes& bytes, std::uint64_t offset, Qcow2Header& header) {
  for (;;) {
    const std::uint32_t type = bytes.u32(offset);
    const std::uint64_t size = bytes.u32(offset + 4);
    if (type == extension_end) return;
    const std::string_view content = bytes.at(offset + 8, size);
    if (type == extension_backing_format) header.backing_format = content;
    if (type == extension_external_data) header.external_data = true;
    offset += 8 + (size + 7) / 8 * 8;
  }
}

}  // namespace

Qcow2Header parse_qcow2_header(std::string_view text) {
  const Bytes bytes(text);
  if (bytes.at(0, 4) != std::string_view("QFI\xfb", 4)) refuse("no qcow2 signature");
  const std::uint32_t version = bytes.u32(4);
  if (version != 2 && version != 3) refuse("version " + std::to_string(version));

  Qcow2Header header;
  const std::uint64_t size = bytes.u64(24);
  if (size > std::uint64_t{1} << 62) refuse("its size is beyond all bounds");
  header.virtual_size = static_cast<std::int64_t>(size);
  header.encrypted = bytes.u32(32) != 0;

  std::uint64_t header_size = 72;
  if (version == 3) {
    const std::uint64_t features = bytes.u64(72);
    if ((features & ~known_features) != 0) refuse("it has features that are unknown here");
    header.damaged = (features & feature_corrupt) != 0;
    header.external_data = (features & feature_external_data) != 0;
    header_size = bytes.u32(100);
    if (header_size < 104) refuse("its header is too short");
  }
  read_extensions(bytes, header_size, header);

  const std::uint64_t name_offset = bytes.u64(8);
  const std::uint32_t name_size = bytes.u32(16);
  if (name_offset != 0 && name_size != 0) {
    if (name_size > longest_name) refuse("the name of its backing file is too long");
    header.backing_file = bytes.at(name_offset, name_size);
  }
  return header;
}

}  // namespace xcp::sm
