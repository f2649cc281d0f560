// SPDX-License-Identifier: GPL-2.0-or-later
// A VmSpec in libxl's words. Device numbers: 0 to 3 are hda to hdd in an hvm domain and xvda to
// xvdd elsewhere, the others xvde and on. Throws VALUE_NOT_SUPPORTED for what Xen cannot give a
// guest.
#pragma once

#include <optional>
#include <string>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/libxl/context.hpp"

namespace xcp::hypervisor::libxl {

// "xvda" for "0"; and back, nullopt for a name that is no disk of ours.
std::string disk_name(const std::string& device, GuestType type);
std::optional<std::string> device_of_disk_name(const std::string& name);

// Where things of a domain lie on this host.
struct Places {
  std::string vnc_socket;  // empty: no display
  std::string script_of_lone_nic;
  std::string guest_cpus;  // where guests run that are not pinned; empty: anywhere
};

// Owns a libxl_domain_config and all it points to.
class DomainConfig {
 public:
  // `name`: libxl's name of the domain, which is its alone on this host.
  DomainConfig(libxl_ctx* context, const VmSpec& spec, const std::string& name,
               const Places& places);
  ~DomainConfig() { libxl_domain_config_dispose(&config_); }
  DomainConfig(const DomainConfig&) = delete;
  DomainConfig& operator=(const DomainConfig&) = delete;

  libxl_domain_config* get() { return &config_; }

 private:
  libxl_domain_config config_;
};

// One device, initialised; the caller disposes of it (see Device).
void fill_disk(libxl_device_disk& device, const DiskSpec& disk, GuestType type);
void fill_nic(libxl_device_nic& device, const NicSpec& nic, GuestType type, const Places& places);

template <class T, void init(T*), void dispose(T*)>
struct Device {
  Device() { init(&value); }
  ~Device() { dispose(&value); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  T value;
};
using DiskDevice = Device<libxl_device_disk, libxl_device_disk_init, libxl_device_disk_dispose>;
using NicDevice = Device<libxl_device_nic, libxl_device_nic_init, libxl_device_nic_dispose>;

// True for a drive that exists only while a medium is in it: there are no trays outside an hvm
// domain.
bool is_empty_drive_without_device(const DiskSpec& disk, GuestType type);

void check_for_xen(const VmSpec& spec);
void check_for_xen(const DiskSpec& disk, GuestType type);
void check_for_xen(const NicSpec& nic, GuestType type);

}  // namespace xcp::hypervisor::libxl
