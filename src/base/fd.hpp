// SPDX-License-Identifier: GPL-2.0-or-later
// File descriptors with an owner, and the small reads and writes everybody needs. All functions
// retry EINTR and throw Failure (INTERNAL_ERROR with the system's text) on errors.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace xcp {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Writes all bytes.
void write_all(int fd, std::string_view bytes);

// Up to `size` bytes; 0 at end of file.
std::size_t read_some(int fd, char* buffer, std::size_t size);

// Whether something can be found at `path`, and whether it is a block device; false when it cannot
// be told.
bool exists(const std::string& path);
bool is_block_device(const std::string& path);

// The whole file; nullopt when it does not exist.
std::optional<std::string> read_file(const std::string& path);

// Replaces `path` so that a crash leaves the old or the new content: temporary file in the same
// directory, fsync, rename, fsync of the directory.
void write_file_durably(const std::string& path, std::string_view bytes, int mode = 0644);

// Removes the temporary files that write_file_durably leaves in `directory` when its process is
// killed; with `name`, only those of that file. Nobody may be writing there meanwhile.
void remove_unfinished_writes(const std::string& directory, const std::string& name = {});

// Locks a file (flock) for as long as it is open; false when somebody else has it. A daemon that
// was killed while it started a program has the lock until that program runs, so it is waited for a
// while.
bool lock_file(int fd);

// A bound and listening unix stream socket; an existing socket file is replaced, the new one gets
// `mode` and, when `group` is not empty and exists, that group (see group_id).
UniqueFd listen_unix(const std::string& path, int mode, const std::string& group = {});

// A connected unix stream socket; nullopt when nobody listens there.
std::optional<UniqueFd> connect_unix(const std::string& path);

// Who is at the other end of a connected unix socket.
struct PeerCredentials {
  int pid = 0;
  unsigned uid = 0;
  unsigned gid = 0;
};
PeerCredentials peer_credentials(int fd);

// The number of a group given by its name, or by a number that needs no entry in /etc/group (what a
// stand-alone host uses); nullopt when there is none.
std::optional<unsigned> group_id(const std::string& group);

// True when the user is root or belongs to `group` (primary or supplementary).
bool user_in_group(unsigned uid, unsigned gid, const std::string& group);

// Sends bytes with descriptors attached to the first byte, and the reverse. recv_with_fds appends
// what arrived to both outputs and returns the number of bytes, 0 at end of file.
void send_with_fds(int socket, std::string_view bytes, const int* fds, std::size_t fd_count);

// Waits until fd is readable; false when the timeout passed.
bool wait_readable(int fd, std::chrono::milliseconds timeout);

}  // namespace xcp
