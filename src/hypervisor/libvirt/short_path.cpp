// SPDX-License-Identifier: GPL-2.0-or-later
// See short_path.hpp.
#include "hypervisor/libvirt/short_path.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "base/failure.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

// 107 less "/libvirt/lib/qemu/domain-<5 digits>-<20 characters>/monitor.sock".
constexpr std::size_t longest = 40;

// FNV-1a: the name has to be the same in every run of every build.
std::uint64_t hash(const std::string& text) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return value;
}

}  // namespace

ShortPath::ShortPath(const std::string& directory) : path_(directory) {
  if (directory.size() <= longest) return;
  char name[40];
  std::snprintf(name, sizeof(name), "/run/xcp-%016llx",
                static_cast<unsigned long long>(hash(directory)));
  path_ = name;
  unlink(name);
  if (symlink(directory.c_str(), name) != 0)
    throw system_failure("link " + path_ + " to " + directory, errno);
  linked_ = true;
}

ShortPath::~ShortPath() {
  if (linked_) unlink(path_.c_str());
}

}  // namespace xcp::hypervisor::libvirt
