// SPDX-License-Identifier: GPL-2.0-or-later
// What must be put back when the user or the system ends the client at once: the terminal's mode,
// and a file that was only partly received. The handlers use nothing but async-signal-safe calls.
#pragma once

#include <string>

namespace xcp::xe {

// SIGINT, SIGTERM and SIGHUP clean up and end the process with status 1; SIGPIPE is ignored.
void install_signal_handlers();

// Raw mode on a terminal for as long as the object lives; nothing when fd is no terminal. At most
// one at a time.
class RawTerminal {
 public:
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool active() const { return active_; }

 private:
  bool active_ = false;
};

// A file being received: removed again unless keep() is called. At most one at a time.
class PartialFile {
 public:
  explicit PartialFile(const std::string& path);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  void keep();
};

}  // namespace xcp::xe
