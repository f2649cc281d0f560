// SPDX-License-Identifier: GPL-2.0-or-later
// xl pci-*, pci-assignable-*, usbctrl-*, usbdev-*, usb-list: the host's own devices in domains.
#include <fmt/format.h>

#include <charconv>

#include "xl/cfg/devices.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using hypervisor::XenDevice;
using hypervisor::XenDeviceKind;
using hypervisor::XenPciDevice;
using hypervisor::XenUsbDevice;

constexpr int status_of_wrong_address = 2;

XenPciDevice pci_of(const std::string& text, const std::string& refused) {
  cfg::Pci pci;
  try {
    pci = cfg::parse_pci(text, {});
  } catch (const Failure&) {
    throw refusal(refused, status_of_wrong_address);
  }
  XenPciDevice device;
  device.segment = pci.domain;
  device.bus = pci.bus;
  device.device = pci.dev;
  device.function = pci.func;
  device.function_mask = pci.vfunc_mask;
  device.virtual_slot = pci.vdevfn;
  device.msi_translate = pci.msitranslate;
  device.power_management = pci.power_mgmt;
  device.permissive = pci.permissive;
  device.seize = pci.seize;
  device.rdm_policy = pci.rdm_policy.value_or("");
  device.name = pci.name.value_or("");
  return device;
}

XenPciDevice pci_spec(const Call& call) {
  return pci_of(call.args[1], fmt::format("{}: malformed PCI_SPEC_STRING \"{}\"",
                                          call.command->name, call.args[1]));
}

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0)
    throw refusal("Invalid arguments.");
  return number;
}

std::string joined(const Call& call) {
  std::string text;
  for (std::size_t i = 1; i < call.args.size(); ++i) text += (i > 1 ? "," : "") + call.args[i];
  return text;
}

}  // namespace

int pci_attach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  xl.xen().attach_pci(domain.domid, pci_spec(call));
  return 0;
}

int pci_detach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  xl.xen().detach_pci(domain.domid, pci_spec(call), call.has("f"));
  return 0;
}

int pci_list(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::vector<XenPciDevice> devices = xl.xen().pci_devices(domain.domid);
  if (!devices.empty()) fmt::print("{}", pci_head());
  for (const XenPciDevice& device : devices) fmt::print("{}", pci_row(device));
  return 0;
}

int pci_assignable_add(Xl& xl, const Call& call) {
  xl.xen().host();  // first of all: is this Xen?
  XenPciDevice device =
      pci_of(call.args[0], fmt::format("pci-assignable-add: malformed BDF \"{}\"", call.args[0]));
  device.name = call.value("n");
  xl.xen().make_pci_assignable(device);
  return 0;
}

int pci_assignable_remove(Xl& xl, const Call& call) {
  for (const XenPciDevice& device : xl.xen().assignable_pci_devices())
    if (!device.name.empty() && device.name == call.args[0]) {
      xl.xen().end_pci_assignable(device, call.has("r"));
      return 0;
    }
  xl.xen().end_pci_assignable(
      pci_of(call.args[0], fmt::format("pci-assignable-remove: malformed BDF '{}'", call.args[0])),
      call.has("r"));
  return 0;
}

int pci_assignable_list(Xl& xl, const Call& call) {
  std::vector<XenPciDevice> devices;
  try {
    devices = xl.xen().assignable_pci_devices();
  } catch (const Failure& failure) {
    // Without the driver in the kernel there are none; every xl ends with 0 then.
    if (failure.code() != "INTERNAL_ERROR") throw;
    fmt::print(stderr, "{}\n", failure.params()[0]);
  }
  for (const XenPciDevice& device : devices) {
    const std::string address = address_text(device);
    if (call.has("n"))
      fmt::print("{} {}\n", address, device.name);
    else
      fmt::print("{}\n", address);
  }
  return 0;
}

int usbctrl_attach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  cfg::UsbController controller = cfg::parse_usb_controller(joined(call));
  controller.devid = -1;
  xl.xen().attach_device(domain.domid, XenDeviceKind::usb_controller, cfg::json_of(controller));
  return 0;
}

int usbctrl_detach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  if (!xl.xen().detach_device(domain.domid, XenDeviceKind::usb_controller, number_of(call.args[1])))
    throw refusal(fmt::format("Unknown device {}.", call.args[1]));
  return 0;
}

int usbdev_attach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const cfg::UsbDevice wanted = cfg::parse_usb_device(joined(call));
  xl.xen().attach_usb(domain.domid,
                      {wanted.ctrl.value_or(-1), wanted.port, wanted.hostbus, wanted.hostaddr});
  return 0;
}

int usbdev_detach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::int64_t controller = number_of(call.args[1]);
  const std::int64_t port = number_of(call.args[2]);
  if (!xl.xen().detach_usb(domain.domid, controller, port))
    throw refusal(fmt::format("Unknown device at controller {} port {}.", controller, port));
  return 0;
}

int usb_list(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::vector<XenUsbDevice> devices = xl.xen().usb_devices(domain.domid);
  for (const XenDevice& controller :
       xl.xen().devices(domain.domid, XenDeviceKind::usb_controller)) {
    fmt::print("{}{}", device_head(XenDeviceKind::usb_controller),
               device_row(XenDeviceKind::usb_controller, controller));
    for (std::int64_t port = 1; port <= controller.ports; ++port) {
      fmt::print("  Port {}:", port);
      for (const XenUsbDevice& device : devices)
        if (device.controller == controller.devid && device.port == port)
          fmt::print(" Bus {:03x} Device {:03x}", device.host_bus, device.host_address);
      fmt::print("\n");
    }
  }
  return 0;
}

}  // namespace xcp::xl
