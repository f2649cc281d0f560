// SPDX-License-Identifier: GPL-2.0-or-later
// See chunks.hpp.
#include "xapi/http/chunks.hpp"

#include <algorithm>

namespace xcp::http {

namespace {

// The longest size line (with extensions), and all trailers together.
constexpr std::size_t max_line_bytes = 8 * 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(char c) {
  return c == '\t' || static_cast<unsigned char>(c) >= ' ';
}

}  // namespace

std::size_t ChunkDecoder::feed(std::string_view input, std::string& body,
                               std::uint64_t max_body_bytes) {
  std::size_t taken = 0;
  while (taken < input.size() && state_ == State::More) {
    if (part_ != Part::Data) {
      take(input[taken++], max_body_bytes - body.size());
      continue;
    }
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size() - taken));
    body += input.substr(taken, n);
    taken += n;
    size_ -= n;
    if (size_ == 0) part_ = Part::DataCr;
  }
  return taken;
}

void ChunkDecoder::take(char c, std::uint64_t room) {
  switch (part_) {
    case Part::Size:
    case Part::Padding:
    case Part::Extension:
      return take_size(c, room);
    case Part::SizeLf:
      return c == '\n' ? end_of_size_line() : malformed();
    case Part::Data:
      return;
    case Part::DataCr:
      return expect(c, '\r', Part::DataLf);
    case Part::DataLf:
      return expect(c, '\n', Part::Size);
    case Part::Trailer:
      if (c == '\r') {
        part_ = Part::TrailerLf;
      } else if (!is_text(c) || ++line_bytes_ > max_line_bytes) {
        malformed();
      } else {
        trailer_empty_ = false;
      }
      return;
    case Part::TrailerLf:
      expect(c, '\n', Part::Trailer);
      if (state_ == State::More && trailer_empty_) state_ = State::Complete;
      trailer_empty_ = true;
      return;
  }
}

void ChunkDecoder::take_size(char c, std::uint64_t room) {
  if (++line_bytes_ > max_line_bytes) return malformed();
  if (c == '\r') {
    part_ = Part::SizeLf;
    if (!has_digit_) malformed();
    return;
  }
  if (part_ == Part::Extension) {
    if (!is_text(c)) malformed();
    return;
  }
  const int digit = part_ == Part::Size ? hex_digit(c) : -1;
  if (digit >= 0) {
    has_digit_ = true;
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    // Checked with every digit, so that the sum never overflows.
    if (size_ > room) state_ = State::TooLarge;
  } else if (c == ';' && has_digit_) {
    part_ = Part::Extension;
  } else if ((c == ' ' || c == '\t') && has_digit_) {
    part_ = Part::Padding;
  } else {
    malformed();
  }
}

void ChunkDecoder::end_of_size_line() {
  part_ = size_ == 0 ? Part::Trailer : Part::Data;
  has_digit_ = false;
  line_bytes_ = 0;
}

void ChunkDecoder::expect(char c, char wanted, Part next) {
  if (c != wanted) return malformed();
  part_ = next;
}

}  // namespace xcp::http
