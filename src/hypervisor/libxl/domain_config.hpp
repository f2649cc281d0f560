// SPDX-License-Identifier: GPL-2.0-or-later
// A VmSpec in libxl's words, upon a configuration of libxl's own where there is one. Device
// numbers: 0 to 3 are hda to hdd in an hvm domain and xvda to xvdd elsewhere, the others xvde and
// on. Throws VALUE_NOT_SUPPORTED for what Xen cannot give a guest.
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

// A type of libxl's with all it points to.
template <class T, void init(T*), void dispose(T*)>
struct Owned {
  Owned() { init(&value); }
  ~Owned() { dispose(&value); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T value;
};

using OwnedConfig =
    Owned<libxl_domain_config, libxl_domain_config_init, libxl_domain_config_dispose>;

class DomainConfig {
 public:
  // `name`: libxl's name of the domain, which is its alone on this host. `configuration`: JSON of a
  // libxl_domain_config, or empty; what spec says of a VM comes before it, and its devices are
  // those of spec with what else the configuration says of them, besides those that no spec can
  // tell. Throws INVALID_VALUE for what libxl does not read.
  DomainConfig(libxl_ctx* context, const VmSpec& spec, const std::string& name,
               const Places& places, const std::string& configuration = {});

  libxl_domain_config* get() { return &config_.value; }

 private:
  OwnedConfig config_;
};

// One device, initialised; the caller disposes of it (see Owned).
void fill_disk(libxl_device_disk& device, const DiskSpec& disk, GuestType type);
void fill_nic(libxl_device_nic& device, const NicSpec& nic, GuestType type, const Places& places);

using DiskDevice = Owned<libxl_device_disk, libxl_device_disk_init, libxl_device_disk_dispose>;
using NicDevice = Owned<libxl_device_nic, libxl_device_nic_init, libxl_device_nic_dispose>;

// True for a drive that exists only while a medium is in it: there are no trays outside an hvm
// domain.
bool is_empty_drive_without_device(const DiskSpec& disk, GuestType type);

void check_for_xen(const VmSpec& spec);
void check_for_xen(const DiskSpec& disk, GuestType type);
void check_for_xen(const NicSpec& nic, GuestType type);

}  // namespace xcp::hypervisor::libxl
