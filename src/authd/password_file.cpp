// SPDX-License-Identifier: GPL-2.0-or-later
// See checkers.hpp. Comparison takes the same time wherever the first difference is.
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "authd/checkers.hpp"
#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp::auth {

namespace {

std::string read_private_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) throw system_failure("open " + path, errno);
  struct stat facts {};
  if (fstat(fd.get(), &facts) != 0) throw system_failure("stat " + path, errno);
  if (facts.st_uid != 0 && facts.st_uid != geteuid())
    throw internal_error(path + " must belong to root");
  if ((facts.st_mode & 077) != 0)
    throw internal_error(path + " must not be accessible to group or others; chmod 600 it");
  std::string content;
  std::array<char, 4096> buffer;
  while (const std::size_t n = read_some(fd.get(), buffer.data(), buffer.size()))
    content.append(buffer.data(), n);
  explicit_bzero(buffer.data(), buffer.size());
  return content;
}

// `expected` is not empty.
bool same(std::string_view expected, std::string_view got) {
  unsigned difference = expected.size() == got.size() ? 0 : 1;
  for (std::size_t i = 0; i < got.size(); ++i)
    difference |= static_cast<unsigned char>(got[i] ^ expected[i % expected.size()]);
  return difference == 0;
}

}  // namespace

PasswordFile::PasswordFile(std::string path) : path_(std::move(path)) {}

bool PasswordFile::check(std::string user, std::string password) {
  std::string content = read_private_file(path_);
  bool accepted = false;
  std::string_view rest = content;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos || colon == 0) continue;
    // An empty password opens nothing.
    if (line.substr(0, colon) != user || colon + 1 == line.size()) continue;
    accepted = same(line.substr(colon + 1), password);
    break;
  }
  explicit_bzero(content.data(), content.size());
  explicit_bzero(password.data(), password.size());
  return accepted;
}

}  // namespace xcp::auth
