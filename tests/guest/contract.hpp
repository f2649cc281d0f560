// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of the hypervisor contract share: the daemon under test, which every test finds
// running and empty, and what can be expected of the guests of its driver.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon_process.hpp"
#include "hypervisor/hypervisor.hpp"
#include "terminal.hpp"

namespace xcp::test {

struct World {
  std::string driver;
  std::string directory;     // temporary, of this run
  bool real_guests = false;  // Linux in the guest: commands can be typed
  bool xen = false;          // no ports forwarded, another domain after a reboot, disks are xvd*
  std::string bridge;        // where NICs of Xen guests are; 10.0.2.15 is given out there
  hypervisor::DirectKernel kernel;
  std::vector<std::string> arguments;  // of the daemon
  std::string qemu_capabilities;       // what libvirt learned of QEMU in earlier runs
  std::unique_ptr<DaemonProcess> daemon;
};
World& world();

// libvirt asks a QEMU it does not know for all it can do, which takes long on a busy machine. It
// keeps the answers and checks whether they are still true; so they are kept from run to run.
void copy_directory(const std::string& from, const std::string& to);

// Follows the events of one client.
class EventReader {
 public:
  explicit EventReader(hypervisor::Hypervisor& hypervisor);

  // The next event of this kind about this VM; others are passed over. Fails the test and throws
  // when it does not come.
  hypervisor::Event wait_for(hypervisor::EventKind kind, const std::string& uuid,
                             std::chrono::seconds timeout = std::chrono::seconds(180));
  // All events that are there now.
  std::vector<hypervisor::Event> pending();

  std::string epoch;
  std::uint64_t last = 0;

 private:
  hypervisor::Hypervisor& hypervisor_;
};

class ContractTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  hypervisor::Hypervisor& hv() { return world().daemon->client(); }

  // A guest that boots from the test kernel, 128 MiB.
  hypervisor::VmSpec small_guest() const;
  hypervisor::DiskSpec disk(const std::string& device, const std::string& name) const;
  hypervisor::NicSpec user_nic(const std::string& device) const;
  // The guest's name of the disk at this device, which is its nth.
  static std::string guest_disk(const std::string& device, int nth);
  // A new file in the test's directory: raw of 32 MiB, or a qcow2 overlay on another file.
  std::string raw_image(const std::string& name) const;
  std::string overlay(const std::string& name, const std::string& base, const char* format) const;

  // Builds, unpauses and waits until the guest is up (its shell, or its agent where there is none).
  void start(const hypervisor::VmSpec& spec);
  void wait_until_up();
  Terminal terminal();
  hypervisor::DomainState state();
  // Others may run domains on this host meanwhile.
  bool no_domain_is_ours();
  void wait_until(const std::string& what, const std::function<bool()>& condition,
                  std::chrono::seconds timeout = std::chrono::seconds(60));

  std::string uuid_;
  std::string files_;  // directory for this test's images
};

// The failure's code, "" when the call succeeds.
std::string code_of(const std::function<void()>& call);

}  // namespace xcp::test
