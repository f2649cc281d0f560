// SPDX-License-Identifier: GPL-2.0-or-later
// See platform.hpp.
#include "hypervisor/platform.hpp"

#include <charconv>

namespace xcp::hypervisor {

bool is_true(const std::map<std::string, std::string>& map, const char* key) {
  const auto found = map.find(key);
  return found != map.end() && (found->second == "true" || found->second == "1");
}

std::int64_t integer_or(const std::map<std::string, std::string>& map, const char* key,
                        std::int64_t otherwise) {
  const auto found = map.find(key);
  if (found == map.end()) return otherwise;
  std::int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [at, error] = std::from_chars(found->second.data(), end, number);
  return error == std::errc() && at == end && !found->second.empty() ? number : otherwise;
}

}  // namespace xcp::hypervisor
