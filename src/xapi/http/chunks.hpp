// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: takes the framing off a body sent in chunks, byte by byte, so that it
// makes no difference how the bytes arrive. Strict: lines end with CR LF and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace xcp::http {

class ChunkDecoder {
 public:
  enum class State { More, Complete, Malformed, TooLarge };

  // Appends what `input` holds of the body to `body`, as long as that stays within
  // `max_body_bytes`, and returns how much of `input` it took: all of it unless the state is no
  // longer More. Extensions and trailers are dropped.
  std::size_t feed(std::string_view input, std::string& body, std::uint64_t max_body_bytes);

  State state() const { return state_; }

 private:
  // What the next byte belongs to.
  enum class Part { Size, Padding, Extension, SizeLf, Data, DataCr, DataLf, Trailer, TrailerLf };

  void take(char c, std::uint64_t room);
  void take_size(char c, std::uint64_t room);
  void end_of_size_line();
  void expect(char c, char wanted, Part next);
  void malformed() { state_ = State::Malformed; }

  State state_ = State::More;
  Part part_ = Part::Size;
  std::uint64_t size_ = 0;  // of the chunk; while in Data, what is still to come of it
  bool has_digit_ = false;
  std::size_t line_bytes_ = 0;  // of the size line, or of all trailers
  bool trailer_empty_ = true;   // nothing in this trailer line yet
};

}  // namespace xcp::http
