// SPDX-License-Identifier: GPL-2.0-or-later
// An Open vSwitch of a test's own: the distribution's programs with directory and sockets of
// theirs, in the network namespace of whoever makes it, packets through ovs-vswitchd. The kernel's
// module is never asked for.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace xcp::network {

class OpenVswitch {
 public:
  explicit OpenVswitch(std::string directory);
  ~OpenVswitch();
  OpenVswitch(const OpenVswitch&) = delete;
  OpenVswitch& operator=(const OpenVswitch&) = delete;

  void start_database();
  void start_vswitchd();
  // At once, as a crash does it.
  void kill_database();
  void kill_vswitchd();

  // ovs-vsctl with words separated by blanks; fails the test when it fails. `vsctl` returns when
  // ovs-vswitchd has done what is asked, `vsctl_at_once` when the database has it.
  std::string vsctl(const std::string& arguments) const;
  std::string vsctl_at_once(const std::string& arguments) const;

  std::string socket() const { return directory_ + "/db.sock"; }

 private:
  pid_t start(const std::vector<std::string>& argv, const std::string& log) const;
  void end(pid_t& pid) const;

  const std::string directory_;
  pid_t database_ = -1, vswitchd_ = -1;
};

}  // namespace xcp::network
