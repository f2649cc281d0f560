// SPDX-License-Identifier: GPL-2.0-or-later
// The grammar of request lines and header fields is Beast's; finding the header's end, limits, what
// the fields mean and the body are ours. Beast sees a header once, when all of it is there: its own
// way of going on with half a header does not limit the whole, and its decoder of chunks stumbles
// over some ways of cutting the input.
#include "xapi/http/parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

namespace xcp::http {

namespace {

namespace beast = boost::beast;

// "FRAME " and twelve digits may precede a header and tell its length.
constexpr std::string_view frame_mark = "FRAME ";
constexpr std::size_t frame_bytes = 18;

// Memory set aside for a body before any of it arrived.
constexpr std::uint64_t body_reserve_bytes = 1024 * 1024;

std::string_view text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

class RequestParser::Grammar final : public beast::http::basic_parser<true> {
 public:
  explicit Grammar(RequestParser& owner) : owner_(owner) {
    // The owner checks all limits itself.
    header_limit(static_cast<std::uint32_t>(-1));
    body_limit(boost::none);
  }

 private:
  using Error = beast::error_code;
  using View = beast::string_view;

  void on_request_impl(beast::http::verb, View method, View target, int version, Error&) override {
    owner_.request_.method = text_of(method);
    owner_.request_.target = text_of(target);
    owner_.request_.http_1_0 = version == 10;
  }
  void on_response_impl(int, View, int, Error&) override {}

  void on_field_impl(beast::http::field name, View name_text, View value, Error& error) override {
    Request& request = owner_.request_;
    if (request.headers.size() >= owner_.header_fields_) {
      error = beast::http::error::header_limit;
      return;
    }
    request.headers.emplace_back(text_of(name_text), text_of(value));
    if (name == beast::http::field::cookie) {
      for (auto& cookie : parse_cookies(text_of(value)))
        request.cookies.push_back(std::move(cookie));
    } else if (name == beast::http::field::transfer_encoding) {
      if (!equal_ignoring_case(text_of(value), "chunked")) owner_.odd_encoding_ = true;
    } else if (name == beast::http::field::expect) {
      owner_.expects_continue_ = equal_ignoring_case(text_of(value), "100-continue");
    }
  }
  void on_header_impl(Error&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(View, Error&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, View, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View, Error&) override { return 0; }
  void on_finish_impl(Error&) override {}

  RequestParser& owner_;
};

RequestParser::RequestParser(std::size_t header_bytes, std::size_t header_fields)
    : header_bytes_(header_bytes), header_fields_(header_fields) {}

void RequestParser::fail(unsigned status, std::string text) {
  stage_ = Stage::Failed;
  error_status_ = status;
  error_text_ = std::move(text);
}

std::size_t RequestParser::feed(std::string_view input) {
  switch (stage_) {
    case Stage::Header:
      return feed_header(input);
    case Stage::Body:
      return feed_body(input);
    case Stage::HasHeader:
    case Stage::Complete:
    case Stage::Failed:
      return 0;
  }
  return 0;
}

std::size_t RequestParser::feed_header(std::string_view input) {
  // Some clients end a body with a line break that is not part of it.
  std::size_t skipped = 0;
  if (scanned_ == 0)
    while (skipped < input.size() && (input[skipped] == '\r' || input[skipped] == '\n')) ++skipped;
  std::string_view header = input.substr(skipped);

  if (header.starts_with(frame_mark)) {
    if (header.size() < frame_bytes) return skipped;
    const auto digits = header.substr(frame_mark.size(), frame_bytes - frame_mark.size());
    if (digits.find_first_not_of("0123456789") != std::string_view::npos) {
      fail(400, "The frame length is not a number.");
      return skipped;
    }
    header.remove_prefix(frame_bytes);
    skipped += frame_bytes;
  } else if (frame_mark.starts_with(header)) {
    return skipped;
  }

  const auto end = header.find("\r\n\r\n", scanned_ > 3 ? scanned_ - 3 : 0);
  const std::size_t known = end == std::string_view::npos ? header.size() : end + 4;
  if (known > header_bytes_) {
    fail(431, "The request's header is larger than the server accepts.");
    return skipped;
  }
  if (end == std::string_view::npos) {
    scanned_ = header.size();
    return skipped;
  }
  parse_header(header.substr(0, known));
  return skipped + known;
}

void RequestParser::parse_header(std::string_view header) {
  Grammar grammar(*this);
  beast::error_code error;
  const std::size_t taken = grammar.put({header.data(), header.size()}, error);
  if (error == beast::http::error::header_limit)
    return fail(431, "The request has more header fields than the server accepts.");
  if (error == beast::http::error::bad_version)
    return fail(505, "The server speaks HTTP/1.0 and HTTP/1.1.");
  if (error || taken != header.size() || !grammar.is_header_done())
    return fail(400, "The request's header is malformed.");

  auto target = parse_target(request_.target);
  if (!target) return fail(400, "The request's target is malformed.");
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  request_.chunked = grammar.chunked();
  if (const auto length = grammar.content_length()) request_.content_length = *length;
  wants_close_ = request_.http_1_0 || !grammar.keep_alive();
  stage_ = Stage::HasHeader;
}

bool RequestParser::announces_body() const {
  return request_.chunked || odd_encoding_ || request_.content_length.value_or(0) != 0;
}

void RequestParser::accept_body(std::uint64_t max_body_bytes, unsigned too_large_status) {
  max_body_bytes_ = max_body_bytes;
  too_large_status_ = too_large_status;
  if (odd_encoding_) return fail(501, "The only transfer encoding understood is chunked.");
  const std::uint64_t length = request_.content_length.value_or(0);
  if (length > max_body_bytes) return fail_too_large();
  request_.body.reserve(std::min(length, body_reserve_bytes));
  stage_ = announces_body() ? Stage::Body : Stage::Complete;
}

void RequestParser::fail_too_large() {
  fail(too_large_status_, "The request's body is larger than the server accepts.");
}

std::size_t RequestParser::feed_body(std::string_view input) {
  if (request_.chunked) return feed_chunks(input);
  const std::uint64_t missing = *request_.content_length - request_.body.size();
  input = input.substr(0, std::min<std::uint64_t>(missing, input.size()));
  request_.body += input;
  if (input.size() == missing) stage_ = Stage::Complete;
  return input.size();
}

std::size_t RequestParser::feed_chunks(std::string_view input) {
  const std::size_t taken = chunks_.feed(input, request_.body, max_body_bytes_);
  switch (chunks_.state()) {
    case ChunkDecoder::State::More:
      break;
    case ChunkDecoder::State::Complete:
      stage_ = Stage::Complete;
      break;
    case ChunkDecoder::State::Malformed:
      fail(400, "The request's body is malformed.");
      break;
    case ChunkDecoder::State::TooLarge:
      fail_too_large();
      break;
  }
  return taken;
}

}  // namespace xcp::http
