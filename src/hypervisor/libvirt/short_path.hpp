// SPDX-License-Identifier: GPL-2.0-or-later
// A unix socket's path has at most 107 bytes, and libvirt puts its sockets deep below its root. A
// directory with a long path gets a second, short one: a symbolic link in /run, for the life of
// this object. Throws INTERNAL_ERROR when the link cannot be made.
#pragma once

#include <string>

namespace xcp::hypervisor::libvirt {

class ShortPath {
 public:
  explicit ShortPath(const std::string& directory);
  ~ShortPath();
  ShortPath(const ShortPath&) = delete;
  ShortPath& operator=(const ShortPath&) = delete;

  // The directory itself when its path is short enough; the same for the same directory each time.
  const std::string& str() const { return path_; }

 private:
  std::string path_;
  bool linked_ = false;
};

}  // namespace xcp::hypervisor::libvirt
