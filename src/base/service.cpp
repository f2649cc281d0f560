// SPDX-License-Identifier: GPL-2.0-or-later
// See service.hpp.
#include "base/service.hpp"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <csignal>

namespace xcp {

namespace {

// What a burst of work left behind is not worth more than this much waiting.
constexpr timespec between_trims{15, 0};

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void begin_service() {
  const sigset_t ending = ending_signals();
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  // Objects live long and are made by whichever of many threads serves the call: with an arena for
  // each thread, every arena would keep pages for the few objects left in it.
  mallopt(M_ARENA_MAX, 2);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

int wait_for_end_of_service() {
  const sigset_t ending = ending_signals();
  for (;;) {
    const int signal = sigtimedwait(&ending, nullptr, &between_trims);
    if (signal > 0) return signal;
    malloc_trim(0);
  }
}

}  // namespace xcp
