// SPDX-License-Identifier: GPL-2.0-or-later
// What every long-running process does the same way: SIGTERM and SIGINT end it, and nothing else
// that a terminal or a peer does; it may have as many files open as the system lets it; what it no
// longer needs of its memory goes back to the system.
#pragma once

namespace xcp {

// Before the first thread is made: threads inherit who takes signals.
void begin_service();

// Returns the signal that asks for the end.
int wait_for_end_of_service();

}  // namespace xcp
