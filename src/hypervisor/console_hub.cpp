// SPDX-License-Identifier: GPL-2.0-or-later
// See console_hub.hpp. One thread polls all sockets. A reader holds no bytes of its own, only a
// place in the stream, so memory does not grow with slow readers.
#include "hypervisor/console_hub.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <vector>

#include "base/failure.hpp"

namespace xcp::hypervisor {

namespace {

using Clock = std::chrono::steady_clock;

// A guest's serial port tells each letter by itself. One that has just been read is not looked at
// for so long: its readers, and all between them and a screen, wake up for lines and not for
// letters.
constexpr std::chrono::milliseconds gathering{10};

constexpr std::uint64_t header_size = 8;  // the stream's end, in the machine's byte order

void write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_failure("write of a console's ring", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void read_at(int fd, char* into, std::size_t size, std::uint64_t offset) {
  while (size > 0) {
    const ssize_t n = pread(fd, into, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw system_failure("read of a console's ring", n < 0 ? errno : EIO);
    into += n;
    size -= static_cast<std::size_t>(n);
    offset += static_cast<std::uint64_t>(n);
  }
}

}  // namespace

// ---- the ring ---------------------------------------------------------------------------------

RingFile::RingFile(const std::string& path)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (!file_) throw system_failure("open " + path, errno);
  struct stat status {};
  if (fstat(file_.get(), &status) != 0) throw system_failure("stat " + path, errno);
  if (status.st_size == static_cast<off_t>(header_size + capacity)) {
    read_at(file_.get(), reinterpret_cast<char*>(&end_), sizeof(end_), 0);
    return;
  }
  if (ftruncate(file_.get(), 0) != 0 ||
      ftruncate(file_.get(), static_cast<off_t>(header_size + capacity)) != 0)
    throw system_failure("truncate " + path, errno);
}

void RingFile::append(std::string_view bytes) {
  if (bytes.size() > capacity) {
    end_ += bytes.size() - capacity;
    bytes.remove_prefix(bytes.size() - capacity);
  }
  const std::uint64_t at = end_ % capacity;
  const std::size_t first = std::min<std::size_t>(bytes.size(), capacity - at);
  write_at(file_.get(), bytes.substr(0, first), header_size + at);
  write_at(file_.get(), bytes.substr(first), header_size);
  end_ += bytes.size();
  write_at(file_.get(), {reinterpret_cast<const char*>(&end_), sizeof(end_)}, 0);
}

std::string RingFile::read(std::uint64_t& from, std::size_t limit) const {
  from = std::clamp(from, begin(), end_);
  const std::uint64_t at = from % capacity;
  const std::uint64_t size =
      std::min({end_ - from, capacity - at, static_cast<std::uint64_t>(limit)});
  std::string bytes(size, '\0');
  read_at(file_.get(), bytes.data(), bytes.size(), header_size + at);
  return bytes;
}

// ---- the hub ----------------------------------------------------------------------------------

struct ConsoleHub::Reader {
  UniqueFd socket;
  std::uint64_t place = 0;  // in the guest's stream
  bool gone = false;
};

struct ConsoleHub::Guest {
  explicit Guest(const std::string& ring_path) : ring(ring_path) {}
  UniqueFd socket;  // empty: QEMU closed it
  RingFile ring;
  std::string input;  // typed, not yet taken by QEMU
  Clock::time_point gathers_until;
  std::list<Reader> readers;
};

ConsoleHub::ConsoleHub(std::string directory)
    : directory_(std::move(directory)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw system_failure("eventfd", errno);
  thread_ = std::thread([this] { run(); });
}

ConsoleHub::~ConsoleHub() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

std::string ConsoleHub::ring_path(const std::string& uuid) const {
  return directory_ + "/" + uuid + ".ring";
}

void ConsoleHub::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
}

void ConsoleHub::watch(const std::string& uuid, const std::string& socket_path) {
  {
    std::lock_guard lock(mutex_);
    const auto found = guests_.find(uuid);
    if (found != guests_.end() && found->second->socket) return;
  }
  auto socket = connect_unix(socket_path);
  if (!socket) throw internal_error("nobody serves the serial console of VM " + uuid);
  watch(uuid, std::move(*socket));
}

void ConsoleHub::watch(const std::string& uuid, UniqueFd channel) {
  fcntl(channel.get(), F_SETFL, O_NONBLOCK);
  auto guest = std::make_shared<Guest>(ring_path(uuid));
  guest->socket = std::move(channel);
  {
    std::lock_guard lock(mutex_);
    auto& place = guests_[uuid];
    if (place) guest->readers = std::move(place->readers);
    place = std::move(guest);
  }
  wake();
}

void ConsoleHub::forget(const std::string& uuid) {
  {
    std::lock_guard lock(mutex_);
    const auto found = guests_.find(uuid);
    if (found != guests_.end()) {
      Guest& guest = *found->second;
      drain_guest(guest);
      for (Reader& reader : guest.readers) serve_reader(guest, reader, POLLOUT);
      guests_.erase(found);
    }
  }
  wake();
  unlink(ring_path(uuid).c_str());
}

UniqueFd ConsoleHub::open(const std::string& uuid) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_failure("socketpair", errno);
  Reader reader;
  reader.socket.reset(ends[0]);
  UniqueFd other(ends[1]);
  fcntl(reader.socket.get(), F_SETFL, O_NONBLOCK);
  {
    std::lock_guard lock(mutex_);
    const auto found = guests_.find(uuid);
    if (found == guests_.end() || !found->second->socket)
      throw internal_error("VM " + uuid + " has no serial console");
    reader.place = found->second->ring.begin();
    found->second->readers.push_back(std::move(reader));
  }
  wake();
  return other;
}

// Takes what QEMU has to give now; closes the socket at its end.
void ConsoleHub::drain_guest(Guest& guest) {
  std::array<char, 16384> buffer;
  while (guest.socket) {
    const ssize_t n = ::read(guest.socket.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      guest.socket.reset();
      return;
    }
    try {
      guest.ring.append({buffer.data(), static_cast<std::size_t>(n)});
    } catch (const Failure&) {
      // A full disk costs console output, nothing else.
    }
    if (static_cast<std::size_t>(n) < buffer.size()) return;
  }
}

void ConsoleHub::serve_reader(Guest& guest, Reader& reader, short events) {
  if (events & (POLLIN | POLLHUP | POLLERR)) {
    std::array<char, 4096> buffer;
    const ssize_t n = ::read(reader.socket.get(), buffer.data(), buffer.size());
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
      reader.gone = true;
      return;
    }
    if (n > 0) guest.input.append(buffer.data(), static_cast<std::size_t>(n));
  }
  while (reader.place < guest.ring.end()) {
    std::string bytes;
    try {
      bytes = guest.ring.read(reader.place, 16384);
    } catch (const Failure&) {
      reader.gone = true;
      return;
    }
    const ssize_t n =
        send(reader.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) reader.gone = true;
    if (n <= 0) return;
    reader.place += static_cast<std::uint64_t>(n);
  }
  // Nothing more will come: QEMU closed the console and all of it was delivered.
  if (!guest.socket) reader.gone = true;
}

void ConsoleHub::run() {
  constexpr std::size_t input_limit = 64 * 1024;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::vector<pollfd> items{{wake_.get(), POLLIN, 0}};
    struct Place {
      std::shared_ptr<Guest> guest;
      Reader* reader;  // nullptr: the guest's own socket
    };
    std::vector<Place> places{{nullptr, nullptr}};
    const auto now = Clock::now();
    int patience = -1;
    for (auto& [uuid, guest] : guests_) {
      if (guest->socket) {
        const bool gathers = guest->gathers_until > now;
        const short wanted = (gathers ? 0 : POLLIN) | (guest->input.empty() ? 0 : POLLOUT);
        if (gathers) patience = gathering.count();
        items.push_back({guest->socket.get(), wanted, 0});
        places.push_back({guest, nullptr});
      }
      for (Reader& reader : guest->readers) {
        short wanted = guest->input.size() < input_limit ? POLLIN : 0;
        if (reader.place < guest->ring.end()) wanted |= POLLOUT;
        items.push_back({reader.socket.get(), wanted, 0});
        places.push_back({guest, &reader});
      }
    }
    lock.unlock();
    const int ready = poll(items.data(), items.size(), patience);
    lock.lock();
    if (ready < 0) continue;
    std::uint64_t ignored;
    while (::read(wake_.get(), &ignored, sizeof(ignored)) > 0) {
    }
    for (std::size_t i = 1; i < items.size(); ++i) {
      if (items[i].revents == 0) continue;
      Guest& guest = *places[i].guest;
      if (places[i].reader != nullptr) {
        serve_reader(guest, *places[i].reader, items[i].revents);
        continue;
      }
      if (!guest.input.empty() && (items[i].revents & POLLOUT)) {
        ssize_t n = send(guest.socket.get(), guest.input.data(), guest.input.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == ENOTSOCK)
          n = write(guest.socket.get(), guest.input.data(), guest.input.size());
        if (n > 0) guest.input.erase(0, static_cast<std::size_t>(n));
      }
      if (items[i].revents & (POLLIN | POLLHUP | POLLERR)) {
        drain_guest(guest);
        guest.gathers_until = Clock::now() + gathering;
      }
    }
    for (auto& [uuid, guest] : guests_) {
      if (!guest->socket)
        for (Reader& reader : guest->readers) serve_reader(*guest, reader, POLLOUT);
      guest->readers.remove_if([](const Reader& reader) { return reader.gone; });
    }
  }
}

}  // namespace xcp::hypervisor
