// SPDX-License-Identifier: GPL-2.0-or-later
// See control_words.hpp.
#include "hypervisor/libxl/control_words.hpp"

#include <algorithm>

#include "base/failure.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::int64_t largest_number = 65535;

// How many bytes from `at` are one character; 0 when they are none.
std::size_t character_at(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return 1;
  const std::size_t size = lead < 0xc2   ? 0
                           : lead < 0xe0 ? 2
                           : lead < 0xf0 ? 3
                           : lead < 0xf5 ? 4
                                         : 0;
  if (size == 0 || at + size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte(at + 1);
  const bool too_long = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool no_character = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
  return too_long || no_character ? 0 : size;
}

}  // namespace

Bitmap::Bitmap(const Numbers& set) {
  libxl_bitmap_init(&value_);
  std::int64_t largest = 0;
  for (const std::int64_t number : set) {
    if (number < 0 || number > largest_number)
      throw Failure("INVALID_VALUE", {"number", std::to_string(number)});
    largest = std::max(largest, number);
  }
  value_.size = static_cast<std::uint32_t>(largest / 8 + 1);
  value_.map = static_cast<std::uint8_t*>(calloc(value_.size, 1));
  if (value_.map == nullptr) throw internal_error("no memory for a bitmap");
  for (const std::int64_t number : set) libxl_bitmap_set(&value_, static_cast<int>(number));
}

Numbers numbers_of(const libxl_bitmap& bitmap) {
  Numbers set;
  for (int i = 0; i < static_cast<int>(bitmap.size) * 8; ++i)
    if (libxl_bitmap_test(&bitmap, i)) set.push_back(i);
  return set;
}

std::string as_utf8(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_at(text, at);
    if (size == 0) text[at] = '?';
    at += std::max<std::size_t>(size, 1);
  }
  return text;
}

std::string text_of(const char* text) {
  return text == nullptr ? "" : as_utf8(text);
}

}  // namespace xcp::hypervisor::libxl
