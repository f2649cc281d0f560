// SPDX-License-Identifier: GPL-2.0-or-later
// The contract of the network daemon: NICs of the host, networks made of them, and the ports of
// guests.
//
// Always: a network is named by its uuid, a port by the VIF's uuid. The daemon keeps the desired
// state in one file and applies it at its start without being asked; bridges, ports and NICs that
// it did not make are never touched. Calls are synchronous and safe from any thread.
// Failures use XenAPI's codes (NETWORK_..., PIF_..., INTERNAL_ERROR).
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace xcp::network {

struct NicInfo {
  std::string device;  // "eth0", "enp1s0"
  std::string mac;
  int mtu = 1500;
  bool physical = true;
  bool carrier = false;
  std::int64_t speed_mbps = 0;  // 0: unknown
  bool full_duplex = false;
  std::string driver, vendor_id, vendor_name, device_id, device_name, pci_address;
  std::vector<std::string> addresses;  // "192.0.2.1/24", "2001:db8::1/64"
  std::string gateway;                 // IPv4 default route through this device
  std::vector<std::string> dns;
  std::string bridge;       // the bridge it is a port of; empty: none
  bool management = false;  // carries the host's default route
};
BOOST_DESCRIBE_STRUCT(NicInfo, (),
                      (device, mac, mtu, physical, carrier, speed_mbps, full_duplex, driver,
                       vendor_id, vendor_name, device_id, device_name, pci_address, addresses,
                       gateway, dns, bridge, management))

// backend: bridge = Linux bridge; user = no device on the host at all, each guest gets QEMU's own
// user-mode network (stand-alone mode); openvswitch = a bridge of Open vSwitch.
BOOST_DEFINE_ENUM_CLASS(Backend, bridge, user, openvswitch, sim)

struct NetworkSpec {
  std::string uuid;
  std::string name;
  std::string bridge;  // name of the bridge to make, at most 15 characters; empty: daemon's choice
  int mtu = 1500;
  std::string uplink;           // NIC to join; empty: host-internal network
  bool guarded_uplink = false;  // the uplink carries the management address: move it along
};
BOOST_DESCRIBE_STRUCT(NetworkSpec, (), (uuid, name, bridge, mtu, uplink, guarded_uplink))

struct NetworkState {
  NetworkSpec spec;
  Backend backend = Backend::bridge;
  bool up = false;
  std::vector<std::string> ports;  // VIF uuids
};
BOOST_DESCRIBE_STRUCT(NetworkState, (), (spec, backend, up, ports))

struct PortSpec {
  std::string uuid;     // of the VIF
  std::string network;  // uuid
  std::string vm;       // uuid, for messages
  std::string device;   // VIF.device
  std::string mac;
  int mtu = 0;                         // 0: the network's
  std::int64_t rate_kbytes_per_s = 0;  // 0: unlimited
  int vlan = 0;  // the VLAN it is an access port of, 1 to 4094, with openvswitch alone; 0: none
};
BOOST_DESCRIBE_STRUCT(PortSpec, (), (uuid, network, vm, device, mac, mtu, rate_kbytes_per_s, vlan))

// What the hypervisor needs to connect the guest.
struct PortBacking {
  Backend backend = Backend::bridge;
  std::string bridge;       // for bridge and openvswitch
  std::string host_device;  // the name its tap has to get
  int mtu = 1500;
};
BOOST_DESCRIBE_STRUCT(PortBacking, (), (backend, bridge, host_device, mtu))

struct NicStats {
  std::string device;
  std::int64_t rx_bytes = 0, tx_bytes = 0, rx_errors = 0, tx_errors = 0;
};
BOOST_DESCRIBE_STRUCT(NicStats, (), (device, rx_bytes, tx_bytes, rx_errors, tx_errors))

struct Event {
  std::uint64_t id = 0;
  std::string device;  // a NIC whose link, address or presence changed; empty: read all
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, device))

struct EventBatch {
  std::string epoch;
  std::uint64_t last = 0;
  std::vector<Event> events;
};
BOOST_DESCRIBE_STRUCT(EventBatch, (), (epoch, last, events))

class Network {
 public:
  virtual ~Network() = default;

  virtual Backend backend() = 0;
  virtual std::vector<NicInfo> nics() = 0;
  virtual std::vector<NicStats> nic_stats() = 0;
  virtual std::vector<NetworkState> networks() = 0;
  // Makes the network so, or changes it to be so; nothing happens when it is so already.
  virtual NetworkState ensure_network(NetworkSpec spec) = 0;
  virtual void remove_network(std::string uuid) = 0;  // refused while it has ports
  // Reserves the guest's port; the device itself is made by the hypervisor and must be called
  // `host_device`.
  virtual PortBacking add_port(PortSpec port) = 0;
  // Applies what needs the device to be there (rate, MTU); to be called when the guest has been
  // built or the NIC plugged.
  virtual void activate_port(std::string uuid) = 0;
  virtual void remove_port(std::string uuid) = 0;  // gone already: nothing happens
  virtual std::vector<PortSpec> ports() = 0;
  virtual EventBatch events(std::string epoch, std::uint64_t after,
                            std::chrono::milliseconds timeout) = 0;
};
BOOST_DESCRIBE_STRUCT(Network, (),
                      (backend, nics, nic_stats, networks, ensure_network, remove_network, add_port,
                       activate_port, remove_port, ports, events))

}  // namespace xcp::network
