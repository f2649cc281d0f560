// SPDX-License-Identifier: GPL-2.0-or-later
// An append-only file of records, each one line with its checksum in front. A record is written by
// one write call and read back only if it is whole, so a process killed at any moment loses nothing
// that `append` returned for, and a half-written record is as if it had never been. (Against a
// power cut it does not guard: simulated guests do not survive one either.) Not thread safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"

namespace xcp::hypervisor::sim {

class Journal {
 public:
  // Opens or makes the file and locks it. Throws INTERNAL_ERROR when another process has it.
  explicit Journal(const std::string& path);

  // All whole records, oldest first; whatever follows the first damaged one is cut off.
  std::vector<std::string> load();

  // Throws INTERNAL_ERROR when the record could not be written; the file is unchanged then.
  // Records hold no newline.
  void append(std::string_view record);

  // Replaces all records at once: a kill leaves the old file or the new one.
  void replace(const std::vector<std::string>& records);

  // Many times larger than after the last `replace`: worth another one.
  bool wasteful() const { return size_ > 16u << 20 && size_ > 8 * compact_size_; }

 private:
  std::string path_;
  UniqueFd lock_;
  UniqueFd fd_;
  std::size_t size_ = 0;
  std::size_t compact_size_ = 0;
};

}  // namespace xcp::hypervisor::sim
