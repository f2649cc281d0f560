// SPDX-License-Identifier: GPL-2.0-or-later
// See url.hpp.
#include "xapi/http/url.hpp"

#include <algorithm>

namespace xcp::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string decoded_or_as_sent(std::string_view text, bool plus_is_space) {
  if (auto decoded = percent_decode(text, plus_is_space)) return *std::move(decoded);
  return std::string(text);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the next item off `rest`, up to one of `separators` or the end.
std::string_view next_item(std::string_view& rest, std::string_view separators) {
  const auto end = std::min(rest.find_first_of(separators), rest.size());
  const std::string_view item = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return item;
}

void append_pair(Fields& fields, std::string_view item, bool plus_is_space) {
  if (item.empty()) return;
  const auto equals = item.find('=');
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
  fields.emplace_back(decoded_or_as_sent(item.substr(0, equals), plus_is_space),
                      decoded_or_as_sent(value, plus_is_space));
}

// "http://host:1/path" -> "/path"; other forms as they are.
std::string_view without_authority(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return target;
  if (target.substr(0, scheme).find_first_of("/?") != std::string_view::npos) return target;
  const auto path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

const std::string* find_field(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (key == name) return &value;
  return nullptr;
}

const std::string* find_header(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (equal_ignoring_case(key, name)) return &value;
  return nullptr;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += digits[byte >> 4];
    encoded += digits[byte & 15];
  }
  return encoded;
}

Fields parse_query(std::string_view query) {
  Fields fields;
  while (!query.empty()) append_pair(fields, next_item(query, "&"), true);
  return fields;
}

Fields parse_cookies(std::string_view header) {
  // '+' stays itself: cookies are not forms, and base64 values are common in them.
  Fields fields;
  while (!header.empty()) append_pair(fields, trimmed(next_item(header, ";&")), false);
  return fields;
}

std::optional<Target> parse_target(std::string_view target) {
  std::string_view rest = without_authority(target);
  rest = rest.substr(0, rest.find('#'));
  const auto question = rest.find('?');
  auto path = percent_decode(rest.substr(0, question));
  if (!path || path->find('\0') != std::string::npos) return std::nullopt;
  if (path->empty() && question != std::string_view::npos) *path = "/";
  Target parsed{*std::move(path), {}};
  if (question != std::string_view::npos) parsed.query = parse_query(rest.substr(question + 1));
  return parsed;
}

}  // namespace xcp::http
