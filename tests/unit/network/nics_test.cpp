// SPDX-License-Identifier: GPL-2.0-or-later
// What is told about NICs, from made-up kernels, sysfs trees and files.
#include "ovs-integration/host/nics.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_directory.hpp"

namespace xcp::network {
namespace {

namespace fs = std::filesystem;

class Sysfs {
 public:
  std::string root() const { return directory_.path(); }
  // A NIC below `hardware` ("devices/pci0000:00/0000:00:03.0/virtio2"); empty: no hardware.
  fs::path add(const std::string& name, const std::string& hardware) {
    const fs::path net = fs::path(root()) / "class/net" / name;
    fs::create_directories(net);
    if (hardware.empty()) return net;
    const fs::path device = fs::path(root()) / hardware;
    fs::create_directories(device);
    fs::create_directory_symlink(device, net / "device");
    return net;
  }
  void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text << "\n"; }
  void link_driver(const std::string& hardware, const std::string& driver) {
    link(hardware, "driver", "bus/drivers/" + driver);
  }
  void link_bus(const std::string& hardware, const std::string& bus) {
    link(hardware, "subsystem", "bus/" + bus);
  }

 private:
  void link(const std::string& hardware, const char* name, const std::string& place) {
    const fs::path target = fs::path(root()) / place;
    fs::create_directories(target);
    fs::create_directory_symlink(target, fs::path(root()) / hardware / name);
  }

  TemporaryDirectory directory_;
};

TEST(DeviceFacts, OfANicOnThePciBus) {
  Sysfs sysfs;
  const std::string hardware = "devices/pci0000:00/0000:00:1c.4/0000:02:00.1";
  const fs::path net = sysfs.add("enp2s0f1", hardware);
  sysfs.link_driver(hardware, "igb");
  sysfs.write(fs::path(sysfs.root()) / hardware / "vendor", "0x8086");
  sysfs.write(fs::path(sysfs.root()) / hardware / "device", "0x10c9");
  sysfs.write(net / "speed", "1000");
  sysfs.write(net / "duplex", "full");
  const DeviceFacts facts = device_facts(sysfs.root(), "enp2s0f1");
  EXPECT_TRUE(facts.physical);
  EXPECT_EQ(facts.driver, "igb");
  EXPECT_EQ(facts.vendor_id, "8086");
  EXPECT_EQ(facts.device_id, "10c9");
  EXPECT_EQ(facts.pci_address, "0000:02:00.1");
  EXPECT_EQ(facts.speed_mbps, 1000);
  EXPECT_TRUE(facts.full_duplex);
}

TEST(DeviceFacts, AXenGuestsNicIsNoneOfTheHosts) {
  Sysfs sysfs;
  sysfs.add("tap08ec32f6", "devices/vif-7-0");
  sysfs.link_driver("devices/vif-7-0", "vif");
  sysfs.link_bus("devices/vif-7-0", "xen-backend");
  sysfs.add("eth0", "devices/vif-0");
  sysfs.link_driver("devices/vif-0", "vif");
  sysfs.link_bus("devices/vif-0", "xen");
  const auto facts = [&](const std::string& name) { return device_facts(sysfs.root(), name); };
  EXPECT_TRUE(facts("tap08ec32f6").backend);
  EXPECT_FALSE(facts("tap08ec32f6").physical);
  EXPECT_TRUE(facts("eth0").physical);
  HostView view;
  view.links.resize(2);
  view.links[0].name = "tap08ec32f6";
  view.links[1].name = "eth0";
  const auto nics = nics_of(view, facts, {});
  ASSERT_EQ(nics.size(), 1u);
  EXPECT_EQ(nics[0].device, "eth0");
}

TEST(DeviceFacts, OfAParavirtualNicComeFromThePciDeviceAboveIt) {
  Sysfs sysfs;
  const std::string pci = "devices/pci0000:00/0000:00:03.0";
  const fs::path net = sysfs.add("eth0", pci + "/virtio2");
  sysfs.link_driver(pci + "/virtio2", "virtio_net");
  sysfs.write(fs::path(sysfs.root()) / pci / "vendor", "0x1af4");
  sysfs.write(fs::path(sysfs.root()) / pci / "device", "0x1041");
  sysfs.write(net / "speed", "-1");
  sysfs.write(net / "duplex", "unknown");
  const DeviceFacts facts = device_facts(sysfs.root(), "eth0");
  EXPECT_EQ(facts.driver, "virtio_net");
  EXPECT_EQ(facts.vendor_id, "1af4");
  EXPECT_EQ(facts.pci_address, "0000:00:03.0");
  EXPECT_EQ(facts.speed_mbps, 0);
  EXPECT_FALSE(facts.full_duplex);
}

TEST(DeviceFacts, OfWhatIsNotThereAreEmpty) {
  Sysfs sysfs;
  sysfs.add("bridge", "");
  EXPECT_FALSE(device_facts(sysfs.root(), "bridge").physical);
  EXPECT_FALSE(device_facts(sysfs.root(), "nothing").physical);
  EXPECT_EQ(device_facts("/nonexistent", "eth0").driver, "");
}

constexpr std::string_view pci_ids =
    "# a comment\n"
    "001c  First Vendor\n"
    "\t0001  Its board\n"
    "8086  Second Vendor\n"
    "\t10c8  Some adapter\n"
    "\t\t1028 0001  A subsystem\n"
    "# between\n"
    "\t10c9  Gigabit adapter\n"
    "8087  Third Vendor\n"
    "\t10ca  Not theirs\n"
    "C 02  Network controller\n";

TEST(PciNames, AreFoundInTheirVendorsBlock) {
  EXPECT_EQ(pci_names(pci_ids, "8086", "10c9").vendor, "Second Vendor");
  EXPECT_EQ(pci_names(pci_ids, "8086", "10c9").device, "Gigabit adapter");
  EXPECT_EQ(pci_names(pci_ids, "8086", "10ca").device, "");
  EXPECT_EQ(pci_names(pci_ids, "8087", "10ca").device, "Not theirs");
  EXPECT_EQ(pci_names(pci_ids, "001c", "0001").device, "Its board");
  EXPECT_EQ(pci_names(pci_ids, "1028", "0001").vendor, "") << "a subsystem is no vendor";
  EXPECT_EQ(pci_names(pci_ids, "", "").vendor, "");
  EXPECT_EQ(pci_names("", "8086", "10c9").vendor, "");
  EXPECT_EQ(pci_names("8086  Only", "8086", "10c9").vendor, "Only");
}

TEST(NameServers, AreTheAddressesAfterTheKeyword) {
  const std::vector<std::string> expected{"192.0.2.53", "2001:db8::53", "192.0.2.54"};
  EXPECT_EQ(name_servers("# nameserver 1.1.1.1\nnameserver 192.0.2.53\nsearch example.com\n"
                         "nameserver\t2001:db8::53 # second\nnameservers 9.9.9.9\nnameserver\n"
                         "options timeout:1\nnameserver 192.0.2.54"),
            expected);
  EXPECT_TRUE(name_servers("").empty());
}

Link link(int index, const std::string& name, const std::string& kind = {}) {
  Link link;
  link.index = index;
  link.name = name;
  link.kind = kind;
  link.mac = "02:00:00:00:00:0" + std::to_string(index);
  link.mtu = 1500;
  link.up = link.carrier = true;
  return link;
}

DeviceFacts hardware_where_the_name_says_so(const std::string& device) {
  DeviceFacts facts;
  facts.physical = device.starts_with("eth");
  facts.speed_mbps = 1000;
  facts.full_duplex = true;
  return facts;
}

TEST(Nics, AreWhatConnectsTheHost) {
  HostView view;
  Link loopback = link(1, "lo");
  loopback.loopback = true;
  Link ours = link(5, "xapi0", "bridge");
  ours.alias = "xcp:11111111-2222-4333-8444-555555555555";
  Link uplink = link(3, "eth1");
  uplink.master = 5;
  Link down = link(9, "eth2");
  down.carrier = false;
  view.links = {loopback,
                link(2, "eth0"),
                uplink,
                link(4, "veth7", "veth"),
                ours,
                link(6, "vif1", "tun"),
                link(7, "br0", "bridge"),
                link(8, "ifb0", "ifb"),
                down};
  view.addresses = {{2, false, "192.0.2.1/24"}, {2, true, "fe80::1/64"}, {7, false, "10.0.0.1/8"}};
  view.routes = {
      {7, false, "10.0.0.254", 200}, {2, false, "192.0.2.254", 100}, {3, true, "fe80::9", 1}};
  view.name_servers = {"192.0.2.53"};
  const auto nics = nics_of(view, hardware_where_the_name_says_so, {});
  ASSERT_EQ(nics.size(), 4u);
  EXPECT_EQ(nics[0].device, "br0");
  EXPECT_FALSE(nics[0].physical);
  EXPECT_FALSE(nics[0].management);
  EXPECT_EQ(nics[0].gateway, "10.0.0.254");
  EXPECT_EQ(nics[1].device, "eth0");
  EXPECT_TRUE(nics[1].physical);
  EXPECT_TRUE(nics[1].management) << "the smaller metric";
  EXPECT_EQ(nics[1].gateway, "192.0.2.254");
  EXPECT_EQ(nics[1].addresses, (std::vector<std::string>{"192.0.2.1/24", "fe80::1/64"}));
  EXPECT_EQ(nics[1].dns, (std::vector<std::string>{"192.0.2.53"}));
  EXPECT_EQ(nics[1].speed_mbps, 1000);
  EXPECT_EQ(nics[2].device, "eth1");
  EXPECT_EQ(nics[2].bridge, "xapi0");
  EXPECT_TRUE(nics[2].dns.empty());
  EXPECT_EQ(nics[3].device, "eth2");
  EXPECT_EQ(nics[3].speed_mbps, 0) << "without a carrier there is no speed";
  EXPECT_FALSE(nics[3].full_duplex);
}

TEST(Nics, AHostWithIpv6AloneIsManagedThroughIt) {
  HostView view;
  view.links = {link(2, "eth0"), link(3, "eth1")};
  view.routes = {{3, true, "fe80::1", 1024}};
  const auto nics = nics_of(view, hardware_where_the_name_says_so, {});
  EXPECT_FALSE(nics[0].management);
  EXPECT_TRUE(nics[1].management);
  EXPECT_EQ(nics[1].gateway, "") << "the gateway told is the IPv4 one";
}

TEST(Nics, WhatAContainerHasForNicsCanBeNamed) {
  HostView view;
  view.links = {link(2, "host0", "veth"), link(3, "other", "veth")};
  const auto nics = nics_of(view, hardware_where_the_name_says_so, {"host0"});
  ASSERT_EQ(nics.size(), 1u);
  EXPECT_EQ(nics[0].device, "host0");
  EXPECT_TRUE(nics[0].physical);
}

}  // namespace
}  // namespace xcp::network
