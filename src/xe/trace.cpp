// SPDX-License-Identifier: GPL-2.0-or-later
// The trace; see the header. What is kept lies in a nameless temporary file, so that it costs no
// memory and leaves nothing behind.
#include "xe/trace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace xcp::xe {
namespace {

UniqueFd nameless_file() {
  const char* directory = std::getenv("TMPDIR");
  UniqueFd fd(open(directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  std::string name = "/tmp/xe-trace-XXXXXX";
  fd.reset(mkostemp(name.data(), O_CLOEXEC));
  if (fd) unlink(name.c_str());
  return fd;
}

std::string timestamp() {
  using namespace std::chrono;
  static const auto start = steady_clock::now();
  return fmt::format("{:9.3f}", duration<double>(steady_clock::now() - start).count());
}

}  // namespace

Trace::Trace(int err, bool now, bool on_fail) : err_(err), now_(now) {
  if (on_fail) kept_ = nameless_file();
}

void Trace::line(std::string_view text) {
  if (!active()) return;
  const std::string whole = fmt::format("{} {}\n", timestamp(), text);
  if (now_) write_all(err_, whole);
  if (kept_) write_all(kept_.get(), whole);
}

void Trace::show_kept() {
  if (!kept_ || lseek(kept_.get(), 0, SEEK_SET) != 0) return;
  char buffer[16384];
  while (const std::size_t count = read_some(kept_.get(), buffer, sizeof buffer)) {
    write_all(err_, {buffer, count});
  }
}

}  // namespace xcp::xe
