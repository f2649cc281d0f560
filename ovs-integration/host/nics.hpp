// SPDX-License-Identifier: GPL-2.0-or-later
// What is known about the host's NICs: put together from the kernel's devices, addresses and
// routes, from sysfs, from the list of PCI names and from resolv.conf. Changes nothing.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ovs-integration/host/links.hpp"
#include "ovs-integration/network.hpp"

namespace xcp::network {

struct NicSources {
  std::string sysfs = "/sys";
  std::string resolv_conf = "/etc/resolv.conf";
  std::vector<std::string> pci_ids = {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"};
  // Devices to take for NICs though they look virtual (what a container has instead of NICs).
  std::set<std::string> also_nics;
};

// What sysfs says about a device.
struct DeviceFacts {
  bool physical = false;  // there is hardware behind it, or a hypervisor's idea of it
  bool backend = false;   // this host's end of a Xen guest's NIC
  std::string driver;
  std::string vendor_id, device_id;  // "1af4", without 0x
  std::string pci_address;           // "0000:00:03.0"
  std::int64_t speed_mbps = 0;
  bool full_duplex = false;
};
DeviceFacts device_facts(const std::string& sysfs, const std::string& device);

struct PciNames {
  std::string vendor, device;
};
// From the text of a pci.ids file; empty where it does not know.
PciNames pci_names(std::string_view pci_ids, const std::string& vendor_id,
                   const std::string& device_id);

// The addresses after "nameserver" in a resolv.conf.
std::vector<std::string> name_servers(std::string_view resolv_conf);

struct HostView {
  std::vector<Link> links;
  std::vector<Address> addresses;
  std::vector<DefaultRoute> routes;
  std::vector<std::string> name_servers;
};
using FactsOf = std::function<DeviceFacts(const std::string& device)>;

// Pure. Leaves out what is no NIC of the host: loopback, taps, veth pairs, tunnels, shapers, and
// everything that bears our mark. Other people's bridges, bonds and VLANs are there, not physical.
std::vector<NicInfo> nics_of(const HostView& view, const FactsOf& facts,
                             const std::set<std::string>& also_nics);

// All of it together, from this host.
class NicScan {
 public:
  NicScan(HostLinks& links, NicSources sources);
  std::vector<NicInfo> nics();
  std::vector<NicStats> stats();

 private:
  HostView look();

  HostLinks& links_;
  const NicSources sources_;
  std::mutex mutex_;                                               // guards names_
  std::map<std::pair<std::string, std::string>, PciNames> names_;  // looked up once
};

}  // namespace xcp::network
