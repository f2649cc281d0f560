// SPDX-License-Identifier: GPL-2.0-or-later
// The progress line; see the header.
#include "xe/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace xcp::xe {
namespace {
constexpr std::chrono::milliseconds redraw_interval{200};
}

std::string human_bytes(double bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  const int digits = unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes, digits, units[unit]);
}

std::string progress_text(std::uint64_t done, std::optional<std::uint64_t> total,
                          std::chrono::duration<double> elapsed) {
  std::string text = human_bytes(static_cast<double>(done));
  if (total && *total > 0) {
    text += fmt::format(
        " of {} ({} %)", human_bytes(static_cast<double>(*total)),
        static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(*total)));
  }
  if (elapsed.count() > 0) {
    text += fmt::format(", {}/s", human_bytes(static_cast<double>(done) / elapsed.count()));
  }
  return text;
}

Progress::Progress(int fd, bool wanted, std::optional<std::uint64_t> total)
    : fd_(fd),
      shown_(wanted && isatty(fd)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      next_(start_ + redraw_interval) {}

Progress::~Progress() {
  if (drawn_) (void)!write(fd_, "\r\x1b[K", 4);
}

void Progress::add(std::uint64_t bytes) {
  done_ += bytes;
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + redraw_interval;
  drawn_ = true;
  write_all(fd_, "\r" + progress_text(done_, total_, now - start_) + "\x1b[K");
}

}  // namespace xcp::xe
