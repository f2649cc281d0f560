// SPDX-License-Identifier: GPL-2.0-or-later
// How a driver presents itself: a loadable module that exports one C function,
//
//   extern "C" xcp::hypervisor::Hypervisor* xcp_hypervisor_driver(
//       const xcp::hypervisor::DriverSettings& settings);
//
// which returns a new object (the caller deletes it) or throws a Failure that says why the driver
// cannot work here. Destroying the object never touches a guest. A driver for Xen exports
//
//   extern "C" xcp::hypervisor::XenControls* xcp_xen_controls(xcp::hypervisor::Hypervisor& driver);
//
// as well; what it returns (the caller deletes it) does not outlive the driver. Modules are
// installed as
// lib/xcp/hypervisor/<name>.so and belong to the very version of the daemon they came with.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <memory>
#include <string>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/xen_controls.hpp"

namespace xcp::hypervisor {

// automatic: hardware where a probe showed that it works, else emulation.
BOOST_DEFINE_ENUM_CLASS(Acceleration, automatic, tcg, kvm)

struct DriverSettings {
  std::string state_dir;  // owned by the driver, absolute; survives restarts of the daemon
  std::string uri;  // libvirt: "qemu:///system", "qemu:///embed?root=DIR"; empty: driver's choice
  Acceleration emulator_acceleration = Acceleration::automatic;
  std::map<std::string, std::string> options;  // keys a driver does not know are inert
};
BOOST_DESCRIBE_STRUCT(DriverSettings, (), (state_dir, uri, emulator_acceleration, options))

using DriverFactory = Hypervisor*(const DriverSettings& settings);
inline constexpr const char* driver_symbol = "xcp_hypervisor_driver";

// Loads a module by path (when `name` contains a slash) or by name from `directory`, and makes its
// driver. The module stays loaded for the life of the process. Throws INTERNAL_ERROR when there is
// no such module, and what the factory throws.
std::unique_ptr<Hypervisor> load_driver(const std::string& name, const std::string& directory,
                                        const DriverSettings& settings);

using XenControlsFactory = XenControls*(Hypervisor& driver);
inline constexpr const char* xen_controls_symbol = "xcp_xen_controls";

// Of a driver made from that module; nullptr when it has none.
std::unique_ptr<XenControls> load_xen_controls(const std::string& name,
                                               const std::string& directory, Hypervisor& driver);

}  // namespace xcp::hypervisor
