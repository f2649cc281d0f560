// SPDX-License-Identifier: GPL-2.0-or-later
// The grammar of header fields and chunks is Beast's; finding the header's end, limits, framing and
// what the fields mean is here. Beast sees a header only when all of it is there.
#include "xapi/http/parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>

namespace xcp::http {

namespace {

namespace beast = boost::beast;

// "FRAME " and twelve digits may precede a header and tell its length.
constexpr std::string_view frame_mark = "FRAME ";
constexpr std::size_t frame_bytes = 18;

// The longest chunk header (extensions included) or trailer that is waited for.
constexpr std::size_t chunk_header_bytes = 8 * 1024;

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
    if (owner_.stage_ != Stage::Header) return;  // a trailer: of no use to anybody here
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
  std::size_t on_body_impl(View body, Error& error) override { return take(body, error); }
  void on_chunk_header_impl(std::uint64_t size, View, Error& error) override {
    if (size > owner_.max_body_bytes_ - owner_.request_.body.size())
      error = beast::http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Error& error) override {
    return take(body, error);
  }
  void on_finish_impl(Error&) override {}

  std::size_t take(View body, Error& error) {
    std::string& whole = owner_.request_.body;
    if (body.size() > owner_.max_body_bytes_ - whole.size()) {
      error = beast::http::error::body_limit;
      return 0;
    }
    whole.append(body.data(), body.size());
    return body.size();
  }

  RequestParser& owner_;
};

RequestParser::RequestParser(std::size_t header_bytes, std::size_t header_fields)
    : header_bytes_(header_bytes), header_fields_(header_fields) {}

RequestParser::~RequestParser() = default;

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
  grammar_ = std::make_unique<Grammar>(*this);
  beast::error_code error;
  const std::size_t taken = grammar_->put({header.data(), header.size()}, error);
  if (error == beast::http::error::header_limit)
    return fail(431, "The request has more header fields than the server accepts.");
  if (error == beast::http::error::bad_version)
    return fail(505, "The server speaks HTTP/1.0 and HTTP/1.1.");
  if (error || taken != header.size() || !grammar_->is_header_done())
    return fail(400, "The request's header is malformed.");
  finish_header();
}

void RequestParser::finish_header() {
  auto target = parse_target(request_.target);
  if (!target) return fail(400, "The request's target is malformed.");
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  request_.chunked = grammar_->chunked();
  if (const auto length = grammar_->content_length()) request_.content_length = *length;
  wants_close_ = request_.http_1_0 || !grammar_->keep_alive();
  stage_ = Stage::HasHeader;
}

bool RequestParser::announces_body() const {
  return request_.chunked || odd_encoding_ || request_.content_length.value_or(0) != 0;
}

void RequestParser::accept_body(std::uint64_t max_body_bytes, unsigned too_large_status) {
  max_body_bytes_ = max_body_bytes;
  too_large_status_ = too_large_status;
  if (odd_encoding_) return fail(501, "The only transfer encoding understood is chunked.");
  if (request_.content_length.value_or(0) > max_body_bytes)
    return fail(too_large_status, "The request's body is larger than the server accepts.");
  if (grammar_->is_done()) {
    stage_ = Stage::Complete;
    return;
  }
  grammar_->eager(true);
  request_.body.reserve(std::min(request_.content_length.value_or(0), body_reserve_bytes));
  stage_ = Stage::Body;
}

std::size_t RequestParser::feed_body(std::string_view input) {
  if (input.empty()) return 0;
  beast::error_code error;
  const std::size_t taken = grammar_->put({input.data(), input.size()}, error);
  if (error == beast::http::error::body_limit) {
    fail(too_large_status_, "The request's body is larger than the server accepts.");
  } else if (error && error != beast::http::error::need_more) {
    fail(400, "The request's body is malformed.");
  } else if (grammar_->is_done()) {
    stage_ = Stage::Complete;
  } else if (input.size() - taken > chunk_header_bytes) {
    fail(400, "A chunk's header is larger than the server accepts.");
  }
  return taken;
}

}  // namespace xcp::http
