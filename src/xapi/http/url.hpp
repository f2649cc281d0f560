// SPDX-License-Identifier: GPL-2.0-or-later
// Text forms of HTTP that are pure functions: percent decoding, request targets, query strings and
// cookies. Nothing here throws on bad input; what can not be decoded is nullopt or kept as it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcp::http {

// Names with values in the order they were sent; a name may occur more than once.
using Fields = std::vector<std::pair<std::string, std::string>>;

// The value of the first field with this name, compared byte by byte; nullptr when there is none.
const std::string* find_field(const Fields& fields, std::string_view name);

// The same for header names, which ignore the case of ASCII letters.
const std::string* find_header(const Fields& fields, std::string_view name);

bool equal_ignoring_case(std::string_view a, std::string_view b);

// `text` with every %XY replaced by its byte, and '+' by a space if asked; nullopt when a '%' is
// not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// The reverse: everything but RFC 3986 "unreserved" becomes %XY.
std::string percent_encode(std::string_view text);

// "a=1&b" -> (a, 1), (b, ""). Names and values are decoded as forms are ('+' is a space); one that
// does not decode is kept as sent. Empty items are dropped.
Fields parse_query(std::string_view query);

// The value of a Cookie header in both styles seen in the field: "a=1; b=2" and "a=1&b=2".
Fields parse_cookies(std::string_view header);

struct Target {
  std::string path;  // decoded, not resolved: may hold "..", "//" and decoded slashes
  Fields query;
};

// A request target: origin form ("/path?query"), absolute form ("http://host/path?query"), or
// anything else (CONNECT's "host:port", "*"), which becomes the path as it stands. nullopt when the
// path does not decode or holds a NUL byte.
std::optional<Target> parse_target(std::string_view target);

}  // namespace xcp::http
