// SPDX-License-Identifier: GPL-2.0-or-later
// Clean-up that works from a signal handler: the state lives in plain static storage and is armed
// by a flag written last.
#include "xe/interrupt.hpp"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <climits>
#include <cstring>

namespace xcp::xe {
namespace {

volatile sig_atomic_t terminal_changed = 0;
int terminal_fd = -1;
termios terminal_before;

volatile sig_atomic_t file_partial = 0;
char file_path[PATH_MAX];

void restore_terminal() {
  if (!terminal_changed) return;
  tcsetattr(terminal_fd, TCSADRAIN, &terminal_before);
  terminal_changed = 0;
}

void remove_partial_file() {
  if (!file_partial) return;
  unlink(file_path);
  file_partial = 0;
}

void end_now(int) {
  restore_terminal();
  remove_partial_file();
  _exit(1);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = end_now;
  sigfillset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    // nohup and background jobs of some shells ignore signals on purpose.
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
}

RawTerminal::RawTerminal(int fd) {
  if (!isatty(fd) || tcgetattr(fd, &terminal_before) != 0) return;
  termios raw = terminal_before;
  cfmakeraw(&raw);
  terminal_fd = fd;
  terminal_changed = 1;
  active_ = tcsetattr(fd, TCSADRAIN, &raw) == 0;
}

RawTerminal::~RawTerminal() {
  restore_terminal();
}

PartialFile::PartialFile(const std::string& path) {
  if (path.size() >= sizeof file_path) return;
  std::memcpy(file_path, path.c_str(), path.size() + 1);
  file_partial = 1;
}

PartialFile::~PartialFile() {
  remove_partial_file();
}

void PartialFile::keep() {
  file_partial = 0;
}

}  // namespace xcp::xe
