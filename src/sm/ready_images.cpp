// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel itself keeps the lookup beneath the directory (openat2 with RESOLVE_BENEATH).
#include "sm/ready_images.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sm/failures.hpp"

namespace xcp::sm {

bool is_image_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), allowed);
}

UniqueFd ReadyImages::open(const std::string& name) const {
  if (!is_image_name(name))
    throw backend_failure(
        BackendError::vdi_create,
        "\"" + name + "\" cannot be the name of an image: only a-z, 0-9, . and -");
  const std::string file = name + ".qcow2";
  const auto missing = [&] {
    return backend_failure(
        BackendError::vdi_create,
        "there is no image " + file + " in " + (directory_.empty() ? "any place" : directory_));
  };
  if (directory_.empty()) throw missing();
  const UniqueFd directory(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw missing();
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(
      static_cast<int>(syscall(SYS_openat2, directory.get(), file.c_str(), &how, sizeof(how))));
  if (!fd && (errno == ENOENT || errno == EXDEV || errno == ELOOP)) throw missing();
  if (!fd) throw system_failure("open " + directory_ + '/' + file, errno);
  struct stat status;
  if (fstat(fd.get(), &status) != 0) throw system_failure("stat " + file, errno);
  if (!S_ISREG(status.st_mode)) throw missing();
  return fd;
}

}  // namespace xcp::sm
