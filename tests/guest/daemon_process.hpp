// SPDX-License-Identifier: GPL-2.0-or-later
// An xcp-hypervisord of the test's own, with its state in a temporary directory; it can be ended,
// killed and started again on the same state. What it leaves running is ended by the test.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "hypervisor/client.hpp"

namespace xcp::test {

class DaemonProcess {
 public:
  // `command`: the daemon, or a program that becomes the daemon; `arguments`: driver, options.
  // Throws when it does not serve within two minutes.
  DaemonProcess(std::vector<std::string> command, std::vector<std::string> arguments,
                std::string directory);
  // Ends the daemon; guests run on.
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  void start();
  // Returns the exit status (128 + signal when one ended it).
  int end(int signal_number);

  hypervisor::Hypervisor& client() { return *client_; }
  std::unique_ptr<hypervisor::Hypervisor> another_client() const;
  pid_t pid() const { return pid_; }
  std::string state_directory() const { return directory_ + "/state"; }

 private:
  const std::vector<std::string> command_;
  const std::vector<std::string> arguments_;
  const std::string directory_;
  pid_t pid_ = -1;
  std::unique_ptr<hypervisor::Hypervisor> client_;
};

}  // namespace xcp::test
