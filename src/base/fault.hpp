// SPDX-License-Identifier: GPL-2.0-or-later
// Named places at which a test can make the program die or fail. Nothing happens at any of them
// unless XCP_FAULT or XCP_FAULT_TRACE is set in the environment when the first one is passed (or
// arm_faults was called); the cost of an unarmed one is a load. Safe from any thread.
//
//   XCP_FAULT="name=kill"       the process kills itself (SIGKILL) when `name` is passed
//   XCP_FAULT="name=error"      throws INTERNAL_ERROR ["fault injected at <name>"] there
//   XCP_FAULT="name=stop"       the process stops itself (SIGSTOP) there, to look like a hung one
//   XCP_FAULT="a=kill:3,b=error"   at the third passing of `a`; at the first of `b`
//
//   XCP_FAULT_TRACE=FILE        every name passed is appended to FILE, a line each, before its
//   effect
//
// Names are written <part>.<operation>.<place>, as in "file.snapshot.switched", and a place is
// named for what has just happened.
#pragma once

#include <string>
#include <vector>

namespace xcp {

void fault_point(const char* name);

// Replaces what XCP_FAULT said and forgets what was passed; "" disarms. Throws INTERNAL_ERROR for
// text that does not follow the form above.
void arm_faults(const std::string& faults);

// The names passed since faults were armed, in order, with repetitions; empty while unarmed.
// arm_faults("none=error") is a way to find out which places an operation passes.
std::vector<std::string> faults_passed();

}  // namespace xcp
