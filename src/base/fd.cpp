// SPDX-License-Identifier: GPL-2.0-or-later
// Thin wrappers over POSIX calls; see fd.hpp for the contract.
#include "base/fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "base/failure.hpp"
#include "base/fault.hpp"
#include "base/ref.hpp"

namespace xcp {

namespace {

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    throw internal_error("socket path too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void sync_directory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw system_failure("open " + path, errno);
  if (fsync(fd.get()) != 0) throw system_failure("fsync " + path, errno);
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      throw system_failure("write", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::size_t read_some(int fd, char* buffer, std::size_t size) {
  for (;;) {
    const ssize_t n = read(fd, buffer, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw system_failure("read", errno);
  }
}

bool exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

bool is_block_device(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

std::optional<std::string> read_file(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_failure("open " + path, errno);
  }
  std::string content;
  std::array<char, 65536> buffer;
  while (const std::size_t n = read_some(fd.get(), buffer.data(), buffer.size()))
    content.append(buffer.data(), n);
  return content;
}

void write_file_durably(const std::string& path, std::string_view bytes, int mode) {
  const std::string temporary = path + ".new-" + make_uuid().substr(0, 8);
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) throw system_failure("create " + temporary, errno);
  try {
    write_all(fd.get(), bytes);
    if (fsync(fd.get()) != 0) throw system_failure("fsync " + temporary, errno);
    fault_point("durable.written");
    if (rename(temporary.c_str(), path.c_str()) != 0)
      throw system_failure("rename to " + path, errno);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  fault_point("durable.renamed");
  sync_directory(directory_of(path));
}

void remove_unfinished_writes(const std::string& directory, const std::string& name) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(directory.c_str()), closedir);
  if (!listing) throw system_failure("open " + directory, errno);
  constexpr std::string_view mark = ".new-";
  constexpr std::size_t digits = 8;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view found = entry->d_name;
    if (found.size() <= mark.size() + digits) continue;
    const std::size_t stem = found.size() - mark.size() - digits;
    const std::string_view random = found.substr(stem + mark.size());
    if (found.substr(stem, mark.size()) != mark ||
        random.find_first_not_of("0123456789abcdef") != std::string_view::npos)
      continue;
    if (!name.empty() && found.substr(0, stem) != name) continue;
    unlinkat(dirfd(listing.get()), entry->d_name, 0);
  }
}

bool lock_file(int fd) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds patience{3};
  const auto deadline = Clock::now() + patience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) throw system_failure("flock", errno);
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

UniqueFd listen_unix(const std::string& path, int mode, const std::string& group) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_failure("socket", errno);
  unlink(path.c_str());
  // The file must never be open wider than asked, not even between bind and chmod.
  const mode_t old = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(old);
  if (bound != 0) throw system_failure("bind " + path, error);
  if (!group.empty()) {
    // Without the group the owner alone may connect.
    if (const auto gid = group_id(group))
      if (chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0 && errno != EPERM)
        throw system_failure("chown " + path, errno);
  }
  if (chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
    throw system_failure("chmod " + path, errno);
  if (listen(fd.get(), 1024) != 0) throw system_failure("listen " + path, errno);
  return fd;
}

std::optional<UniqueFd> connect_unix(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_failure("socket", errno);
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    throw system_failure("connect " + path, errno);
  }
  return fd;
}

PeerCredentials peer_credentials(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    throw system_failure("SO_PEERCRED", errno);
  return {credentials.pid, credentials.uid, credentials.gid};
}

std::optional<unsigned> group_id(const std::string& group) {
  std::vector<char> text(65536);
  struct group entry {};
  struct group* found = nullptr;
  if (getgrnam_r(group.c_str(), &entry, text.data(), text.size(), &found) == 0 && found != nullptr)
    return found->gr_gid;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), number);
  if (group.empty() || error != std::errc() || end != group.data() + group.size())
    return std::nullopt;
  return number;
}

bool user_in_group(unsigned uid, unsigned gid, const std::string& group) {
  if (uid == 0) return true;
  const auto wanted = group_id(group);
  if (!wanted) return false;
  if (gid == *wanted) return true;
  std::vector<char> text(65536);
  passwd entry{};
  passwd* user = nullptr;
  if (getpwuid_r(uid, &entry, text.data(), text.size(), &user) != 0 || user == nullptr)
    return false;
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (getgrouplist(user->pw_name, user->pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(user->pw_name, user->pw_gid, groups.data(), &count) < 0) return false;
  }
  groups.resize(static_cast<std::size_t>(count));
  return std::find(groups.begin(), groups.end(), *wanted) != groups.end();
}

void send_with_fds(int socket, std::string_view bytes, const int* fds, std::size_t fd_count) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(sizeof(int) * fd_count));
  if (fd_count != 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    std::memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) throw system_failure("sendmsg", errno);
  bytes.remove_prefix(static_cast<std::size_t>(sent));
  while (!bytes.empty()) {
    sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      throw system_failure("send", errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool wait_readable(int fd, std::chrono::milliseconds timeout) {
  pollfd item{fd, POLLIN, 0};
  for (;;) {
    const int n = poll(&item, 1, static_cast<int>(timeout.count()));
    if (n >= 0) return n > 0;
    if (errno != EINTR) throw system_failure("poll", errno);
  }
}

}  // namespace xcp
