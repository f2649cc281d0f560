// SPDX-License-Identifier: GPL-2.0-or-later
// See terminal.hpp.
#include "terminal.hpp"

#include <array>
#include <atomic>
#include <stdexcept>

namespace xcp::test {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string Terminal::wait_for(const std::string& text, std::chrono::seconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (const auto at = seen_.find(text); at != std::string::npos) {
      const std::string before = seen_.substr(0, at + text.size());
      seen_.erase(0, at + text.size());
      return before;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || !wait_readable(console_.get(), left))
      throw std::runtime_error("no \"" + text + "\" on the console; seen: " + seen_);
    std::array<char, 4096> buffer;
    const std::size_t n = read_some(console_.get(), buffer.data(), buffer.size());
    if (n == 0) throw std::runtime_error("the console ended; seen: " + seen_);
    seen_.append(buffer.data(), n);
  }
}

std::string Terminal::run(const std::string& command, std::chrono::seconds timeout) {
  // The shell echoes what is typed: the marks are spelled so that only their output matches.
  // A new reader gets the old output first: no two commands have the same mark.
  static std::atomic<int> commands{0};
  const std::string mark = "mark" + std::to_string(++commands);
  type("echo \"begin\"-" + mark + "; " + command + "; echo \"status\" $? \"end\"-" + mark + "\n");
  wait_for("begin-" + mark, timeout);
  return wait_for(" end-" + mark, timeout);
}

void Terminal::run_until(const std::string& command, const std::string& text,
                         std::chrono::seconds timeout) {
  const auto deadline = Clock::now() + timeout;
  std::string output;
  while (Clock::now() < deadline) {
    output = run(command, timeout);
    if (output.find(text) != std::string::npos) return;
  }
  throw std::runtime_error(command + " never printed \"" + text + "\", last: " + output);
}

}  // namespace xcp::test
