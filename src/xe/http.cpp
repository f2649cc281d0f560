// SPDX-License-Identifier: GPL-2.0-or-later
// Parsing for the second connections; see the header.
#include "xe/http.hpp"

#include <strings.h>

#include <charconv>

namespace xcp::xe {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Characters that may stand in a request target and do not change how it is read.
bool harmless_in_target(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("-._~:/@!$'()*,;").find(c) != std::string_view::npos;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2 &&
        harmless_in_target(static_cast<char>(value))) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::optional<HttpHead> parse_http_head(std::string_view text) {
  std::string_view line = next_line(text);
  const auto space = line.find(' ');
  if (!line.starts_with("HTTP/") || space == std::string_view::npos) return std::nullopt;
  line.remove_prefix(space + 1);
  HttpHead head;
  const auto status = parse_number<int>(line.substr(0, 3));
  if (!status || *status < 100) return std::nullopt;
  head.status = *status;
  head.reason = trim(line.substr(3));
  while (!text.empty()) {
    line = next_line(text);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view value = trim(line.substr(colon + 1));
    if (same_name(line.substr(0, colon), "location")) head.location = value;
    if (same_name(line.substr(0, colon), "content-length")) {
      head.content_length = parse_number<std::uint64_t>(value);
    }
  }
  return head;
}

Request resolve_url(const Settings& settings, std::string_view url) {
  constexpr std::string_view https = "https://";
  if (!url.starts_with(https)) return {server_targets(settings), std::string(url)};
  url.remove_prefix(https.size());
  const auto slash = url.find('/');
  const std::string_view path = slash == std::string_view::npos ? "/" : url.substr(slash);
  return {host_targets(settings, url.substr(0, slash)), percent_decoded(path)};
}

}  // namespace xcp::xe
