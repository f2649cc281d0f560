// SPDX-License-Identifier: GPL-2.0-or-later
// Makes QEMU's monitors fit for a new libvirt. When libvirt is killed while QEMU carries out a
// command, QEMU sends the answer to whoever is connected by then. An embedded libvirt that has just
// started takes it for the answer to its own first command, and ends the guest because of it. So
// each monitor is first asked a question whose answer cannot be mistaken, and everything before
// that answer is thrown away.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace xcp::hypervisor::libvirt {

// True when the monitor answered in time, or nobody listens there.
bool drain_monitor(const std::string& socket_path, std::chrono::milliseconds patience);

// The monitors of all domains that libvirt's state files below `run_directory` tell of.
std::vector<std::string> monitor_sockets(const std::string& run_directory);

// Removes the state files of domains whose QEMU has ended. libvirt would find that out by itself,
// but when it was killed while it started that QEMU it may wait for it for ever, and whoever asks
// for the domain waits along.
void forget_dead_domains(const std::string& run_directory);

// All of them, several at a time.
void drain_monitors(const std::vector<std::string>& socket_paths,
                    std::chrono::milliseconds patience);

}  // namespace xcp::hypervisor::libvirt
