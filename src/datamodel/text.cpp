// SPDX-License-Identifier: GPL-2.0-or-later
// Texts: how they are written in both wire forms, what every one from outside is checked for, and
// dates as text; see codec.hpp.
#include <fmt/format.h>

#include <ctime>

#include "datamodel/codec.hpp"

namespace xcp::model {

namespace {

// U+FFFE and U+FFFF, which no XML text may hold.
bool begins_with_noncharacter(std::string_view text) {
  return text.starts_with("\xef\xbf\xbe") || text.starts_with("\xef\xbf\xbf");
}

}  // namespace

void write_json_string(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(from, i - from));
    from = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += digits[c >> 4];
        out += digits[c & 15];
    }
  }
  out.append(text.substr(from));
  out += '"';
}

void write_xml_text(std::string& out, std::string_view text) {
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    std::size_t taken = 1;
    std::string_view replacement;
    if (c == '<')
      replacement = "&lt;";
    else if (c == '>')
      replacement = "&gt;";
    else if (c == '&')
      replacement = "&amp;";
    else if (c == '\r')
      replacement = "&#13;";  // an XML reader would turn it into a newline
    else if (c == 0xef && begins_with_noncharacter(text.substr(i)))
      taken = 3;
    else if (c >= 0x20 || c == '\n' || c == '\t')
      continue;
    out.append(text.substr(from, i - from));
    out.append(replacement);  // other control characters cannot stand in XML and are dropped
    from = i + taken;
    i = from - 1;
  }
  out.append(text.substr(from));
}

bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  while (p != end) {
    if (*p < 0x80) {
      if (*p == 0) return false;
      ++p;
      continue;
    }
    int more;
    std::uint32_t point;
    if ((*p & 0xe0) == 0xc0)
      more = 1, point = *p & 0x1f;
    else if ((*p & 0xf0) == 0xe0)
      more = 2, point = *p & 0x0f;
    else if ((*p & 0xf8) == 0xf0)
      more = 3, point = *p & 0x07;
    else
      return false;
    if (end - p <= more) return false;
    for (int i = 1; i <= more; ++i) {
      if ((p[i] & 0xc0) != 0x80) return false;
      point = point << 6 | (p[i] & 0x3f);
    }
    static constexpr std::uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (point < smallest[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      return false;
    p += more + 1;
  }
  return true;
}

std::string format_datetime(DateTime time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<DateTime> parse_datetime(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&](std::size_t count) -> std::optional<int> {
    if (text.size() < at + count) return std::nullopt;
    int number = 0;
    for (std::size_t i = 0; i < count; ++i, ++at) {
      if (text[at] < '0' || text[at] > '9') return std::nullopt;
      number = number * 10 + (text[at] - '0');
    }
    return number;
  };
  const auto skip = [&](char c) {
    if (at < text.size() && text[at] == c) {
      ++at;
      return true;
    }
    return false;
  };
  std::tm parts{};
  const auto year = digits(4);
  skip('-');
  const auto month = digits(2);
  skip('-');
  const auto day = digits(2);
  if (!year || !month || !day || !skip('T')) return std::nullopt;
  const auto hour = digits(2);
  skip(':');
  const auto minute = digits(2);
  skip(':');
  const auto second = digits(2);
  if (!hour || !minute || !second) return std::nullopt;
  if (skip('.'))
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  std::int64_t offset = 0;
  if (!skip('Z') && at < text.size()) {
    const bool plus = text[at] == '+';
    if (!plus && text[at] != '-') return std::nullopt;
    ++at;
    const auto hours = digits(2);
    skip(':');
    const auto minutes = digits(2);
    if (!hours || !minutes) return std::nullopt;
    offset = (plus ? 1 : -1) * (*hours * 3600 + *minutes * 60);
  }
  if (at != text.size()) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 24 || *minute > 59 ||
      *second > 60)
    return std::nullopt;
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return DateTime{static_cast<std::int64_t>(timegm(&parts)) - offset};
}

}  // namespace xcp::model
