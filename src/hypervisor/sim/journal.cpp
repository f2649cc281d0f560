// SPDX-License-Identifier: GPL-2.0-or-later
// See journal.hpp.
#include "hypervisor/sim/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "base/failure.hpp"

namespace xcp::hypervisor::sim {

namespace {

constexpr std::size_t checksum_digits = 16;

// FNV-1a; it guards against torn writes, not against people.
std::string checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

void add_line(std::string& text, std::string_view record) {
  text += checksum(record);
  text += ' ';
  text += record;
  text += '\n';
}

UniqueFd open_for_append(const std::string& path, int extra_flags) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | extra_flags, 0640));
  if (!fd) throw system_failure("open " + path, errno);
  return fd;
}

}  // namespace

Journal::Journal(const std::string& path) : path_(path) {
  // The lock has a file of its own because `replace` changes which file bears the journal's name.
  lock_ = open_for_append(path + ".lock", 0);
  if (!lock_file(lock_.get()))
    throw internal_error("the simulated host in " + path + " is in use by another process");
  fd_ = open_for_append(path, 0);
}

std::vector<std::string> Journal::load() {
  const std::string text = read_file(path_).value_or("");
  std::vector<std::string> records;
  std::size_t good = 0;
  while (good < text.size()) {
    const auto end = text.find('\n', good);
    if (end == std::string::npos || end < good + checksum_digits + 1) break;
    const std::string_view line(text.data() + good, end - good);
    const std::string_view record = line.substr(checksum_digits + 1);
    if (line.substr(0, checksum_digits) != checksum(record)) break;
    records.emplace_back(record);
    good = end + 1;
  }
  if (good < text.size() && ftruncate(fd_.get(), static_cast<off_t>(good)) != 0)
    throw system_failure("truncate " + path_, errno);
  size_ = compact_size_ = good;
  return records;
}

void Journal::append(std::string_view record) {
  std::string line;
  line.reserve(record.size() + checksum_digits + 2);
  add_line(line, record);
  ssize_t written;
  do {
    written = write(fd_.get(), line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) {
    size_ += line.size();
    return;
  }
  const int error = written < 0 ? errno : ENOSPC;
  // Half a record in the middle of the file would hide all that follow it.
  if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
    throw system_failure("repair " + path_, errno);
  throw system_failure("write " + path_, error);
}

void Journal::replace(const std::vector<std::string>& records) {
  std::string text;
  for (const std::string& record : records) add_line(text, record);
  const std::string fresh = path_ + ".new";
  UniqueFd fd = open_for_append(fresh, O_TRUNC);
  try {
    write_all(fd.get(), text);
    if (rename(fresh.c_str(), path_.c_str()) != 0) throw system_failure("rename " + fresh, errno);
  } catch (...) {
    unlink(fresh.c_str());
    throw;
  }
  fd_ = std::move(fd);
  size_ = compact_size_ = text.size();
}

}  // namespace xcp::hypervisor::sim
