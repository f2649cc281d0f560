// SPDX-License-Identifier: GPL-2.0-or-later
// A small key-value store in one append-only file: a line for each change, the whole rewritten when
// most of it is history. A process killed at any moment loses at most the change that was being
// written. Any thread may call.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/describe.hpp"
#include "base/fd.hpp"

namespace xcp::sm {

class RecordLog {
 public:
  enum class Keep {
    over_power_loss,  // a change is on disk when flush() returns; writers share one sync
    over_restart,     // changes survive this process, not the machine
  };
  enum class Stranger {
    refuse,  // a file that begins with another header is an error
    drop,    // it is replaced by an empty log
  };

  // Opens or makes the file. `header` is its first line; it tells what the log is of. Throws
  // INTERNAL_ERROR for a damaged file; a last line cut short is what a killed writer leaves and is
  // dropped.
  RecordLog(std::string path, std::string header, Keep keep, Stranger stranger);

  // As of now.
  std::map<std::string, json::value> records() const;

  // Both return a ticket for flush(). A change that could not be written (a full disk) throws and
  // has not happened.
  std::uint64_t put(const std::string& key, const json::value& value);
  std::uint64_t erase(const std::string& key);

  // Returns when the change with this ticket is as safe as promised. Throws when the file system
  // failed to store it; the log accepts no change after that.
  void flush(std::uint64_t ticket);

 private:
  void load(Stranger stranger);
  void take_line(std::string_view line);
  std::uint64_t append(const std::string& line);
  void rewrite();
  void rewrite_if_long();

  const std::string path_;
  const std::string header_;
  const Keep keep_;

  mutable std::mutex mutex_;
  std::condition_variable synced_changed_;
  UniqueFd fd_;
  std::map<std::string, std::string> live_;  // key -> JSON text
  std::int64_t size_ = 0;                    // of the file
  std::size_t lines_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  bool syncing_ = false;
  bool broken_ = false;
};

}  // namespace xcp::sm
