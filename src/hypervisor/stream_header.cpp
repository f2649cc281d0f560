// SPDX-License-Identifier: GPL-2.0-or-later
// See stream_header.hpp.
#include "hypervisor/stream_header.hpp"

#include "base/fd.hpp"

namespace xcp::hypervisor {

namespace {

constexpr std::size_t longest_text = 1 << 20;
constexpr std::size_t length_bytes = 4;

std::optional<std::string> read_exactly(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const std::size_t n = read_some(fd, bytes.data() + done, size - done);
    if (n == 0) return std::nullopt;
    done += n;
  }
  return bytes;
}

}  // namespace

std::string stream_header(std::string_view format, std::string_view text) {
  std::string header(format);
  for (std::size_t i = 0; i < length_bytes; ++i)
    header += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return header.append(text);
}

std::optional<std::string> read_stream_header(int fd, std::string_view format) {
  if (read_exactly(fd, format.size()) != format) return std::nullopt;
  const auto length = read_exactly(fd, length_bytes);
  if (!length) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = length_bytes; i-- > 0;)
    size = size << 8 | static_cast<unsigned char>((*length)[i]);
  if (size > longest_text) return std::nullopt;
  return read_exactly(fd, size);
}

}  // namespace xcp::hypervisor
