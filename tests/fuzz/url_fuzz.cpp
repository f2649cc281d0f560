// SPDX-License-Identifier: GPL-2.0-or-later
// The pure parsers of targets, queries and cookies. Checked besides not crashing: encoding and
// decoding are inverse, and what is encoded splits back into what it was made of.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "xapi/http/url.hpp"

using namespace xcp::http;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(percent_decode(percent_encode(text)) == text);

  if (const auto target = parse_target(text)) {
    require(target->path.find('\0') == std::string::npos);
    std::string again = percent_encode(target->path) + '?';
    for (const auto& [name, value] : target->query) {
      if (again.back() != '?') again += '&';
      again += percent_encode(name) + '=' + percent_encode(value);
    }
    const auto reparsed = parse_target(again);
    require(reparsed && reparsed->query == target->query);
    require(reparsed->path == (target->path.empty() ? "/" : target->path));
  }
  Fields cookies = parse_cookies(text);
  std::string header;
  for (const auto& [name, value] : cookies)
    header += percent_encode(name) + '=' + percent_encode(value) + "; ";
  require(parse_cookies(header) == cookies);
  return 0;
}
