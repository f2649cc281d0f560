// SPDX-License-Identifier: GPL-2.0-or-later
// The rule on files; see the header.
#include "xe/permitted.hpp"

namespace xcp::xe {
namespace {

void append_parts(std::vector<std::string_view>& parts, std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(part);
    else if (!parts.empty())
      parts.pop_back();
  }
}

}  // namespace

std::string canonical_path(std::string_view working_directory, std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.starts_with('/')) append_parts(parts, working_directory);
  append_parts(parts, path);
  std::string whole;
  for (const auto part : parts) whole.append("/").append(part);
  return whole.empty() ? "/" : whole;
}

bool may_touch(std::string_view filename, const std::vector<std::string>& words,
               std::string_view working_directory) {
  const std::string wanted = canonical_path(working_directory, filename);
  for (const std::string_view word : words) {
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    if (canonical_path(working_directory, word.substr(equals + 1)) == wanted) return true;
  }
  return false;
}

}  // namespace xcp::xe
