// SPDX-License-Identifier: GPL-2.0-or-later
// Private to the library: one request from bytes, step by step. It takes a whole header or nothing,
// so limits are exact; whatever is wrong with a request ends in an HTTP status, never an exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "xapi/http/chunks.hpp"
#include "xapi/http/server.hpp"

namespace xcp::http {

class RequestParser {
 public:
  enum class Stage {
    Header,     // wants more of the header
    HasHeader,  // request() is complete but for the body; accept_body() goes on
    Body,       // wants more of the body
    Complete,
    Failed,  // error_status() and error_text() say why
  };

  RequestParser(std::size_t header_bytes, std::size_t header_fields);

  // Takes what it can of `input` and returns how much that was. The caller offers the rest again,
  // with more behind it. Takes nothing in the stages HasHeader, Complete and Failed.
  std::size_t feed(std::string_view input);

  Stage stage() const { return stage_; }
  Request& request() { return request_; }
  // The client asked for the connection to end after this request (1.0 clients always do).
  bool wants_close() const { return wants_close_; }
  bool expects_continue() const { return expects_continue_; }
  // A header announced a body, of whatever length.
  bool announces_body() const;

  // After HasHeader: reads the body into request().body. `too_large_status` answers a body over the
  // limit.
  void accept_body(std::uint64_t max_body_bytes, unsigned too_large_status);

  unsigned error_status() const { return error_status_; }
  const std::string& error_text() const { return error_text_; }

 private:
  class Grammar;
  std::size_t feed_header(std::string_view input);
  std::size_t feed_body(std::string_view input);
  void parse_header(std::string_view header);
  std::size_t feed_chunks(std::string_view input);
  void fail_too_large();
  void fail(unsigned status, std::string text);

  std::size_t header_bytes_;
  std::size_t header_fields_;
  std::size_t scanned_ = 0;
  Stage stage_ = Stage::Header;
  ChunkDecoder chunks_;
  Request request_;
  bool wants_close_ = false;
  bool expects_continue_ = false;
  bool odd_encoding_ = false;
  std::uint64_t max_body_bytes_ = 0;
  unsigned too_large_status_ = 500;
  unsigned error_status_ = 0;
  std::string error_text_;
};

}  // namespace xcp::http
