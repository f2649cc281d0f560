// SPDX-License-Identifier: GPL-2.0-or-later
// One line about a running transfer on a terminal, redrawn in place and wiped at the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace xcp::xe {

// "1.5 GiB": three significant digits at most.
std::string human_bytes(double bytes);

// The text of the line. `total` unknown: no percentage.
std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total,
                          std::chrono::duration<double> elapsed);

class Progress {
 public:
  // Draws nothing when `fd` is no terminal or `wanted` is false.
  Progress(int fd, bool wanted, std::optional<std::uint64_t> total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t bytes);

 private:
  int fd_;
  bool shown_;
  bool drawn_ = false;
  std::optional<std::uint64_t> total_;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace xcp::xe
