// SPDX-License-Identifier: GPL-2.0-or-later
// The serial consoles of all guests. QEMU serves one reader on a unix socket, Xen's console daemon
// one on a terminal, and neither remembers anything; here each guest's output is kept in a ring of
// the last 64 KiB (a file, so that it outlives us), and any number of readers get the remembered
// text first and then what follows. A reader that is slower than the guest loses what fell out of
// the ring; the guest never waits for a reader. Readers' input goes to the guest in the order it
// arrives. Any thread may call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.hpp"

namespace xcp::hypervisor {

// The last `capacity` bytes of a stream, in a file of bounded size.
class RingFile {
 public:
  static constexpr std::uint64_t capacity = 64 * 1024;

  // Opens or makes the file; a file of another size begins anew.
  explicit RingFile(const std::string& path);

  void append(std::string_view bytes);
  std::uint64_t end() const { return end_; }
  std::uint64_t begin() const { return end_ > capacity ? end_ - capacity : 0; }
  // Bytes from stream offset `from` (moved up to begin() when those are gone), at most `limit`.
  std::string read(std::uint64_t& from, std::size_t limit) const;

 private:
  UniqueFd file_;
  std::uint64_t end_ = 0;
};

class ConsoleHub {
 public:
  // Rings are <directory>/<uuid>.ring.
  explicit ConsoleHub(std::string directory);
  ~ConsoleHub();
  ConsoleHub(const ConsoleHub&) = delete;
  ConsoleHub& operator=(const ConsoleHub&) = delete;

  // Starts to read the guest's console; nothing happens when that is so already. Throws when nobody
  // listens on the socket.
  void watch(const std::string& uuid, const std::string& socket_path);

  // The same with a channel that is open already; one that is watched for this guest is given up.
  void watch(const std::string& uuid, UniqueFd channel);

  // The guest is gone: readers get what their sockets can take of the rest, then end of file; the
  // ring is removed.
  void forget(const std::string& uuid);

  // A new reader's end. Throws INTERNAL_ERROR for a guest that is not watched.
  UniqueFd open(const std::string& uuid);

 private:
  struct Reader;
  struct Guest;

  void run();
  void wake();
  void drain_guest(Guest& guest);
  void serve_reader(Guest& guest, Reader& reader, short events);
  std::string ring_path(const std::string& uuid) const;

  const std::string directory_;
  UniqueFd wake_;  // eventfd
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Guest>> guests_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace xcp::hypervisor
