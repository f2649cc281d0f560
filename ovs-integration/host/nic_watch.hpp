// SPDX-License-Identifier: GPL-2.0-or-later
// Tells which NICs changed, by comparing what is known of them before and after the kernel reported
// that something did.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ovs-integration/host/link_watch.hpp"
#include "ovs-integration/host/nics.hpp"

namespace xcp::network {

class NicWatch {
 public:
  explicit NicWatch(NicScan& scan) : scan_(scan) {}

  // See Datapath::watch.
  void start(std::function<void(const std::string& device)> changed);
  void stop() { watch_.reset(); }

 private:
  void compare(bool lost);

  NicScan& scan_;
  std::function<void(const std::string& device)> changed_;
  std::mutex mutex_;
  std::map<std::string, std::string> known_;  // NIC -> all that is known of it, as text
  std::unique_ptr<LinkWatch> watch_;
};

// Devices that differ between two such maps.
std::vector<std::string> changed_keys(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after);
std::map<std::string, std::string> nic_texts(std::vector<NicInfo> nics);

}  // namespace xcp::network
