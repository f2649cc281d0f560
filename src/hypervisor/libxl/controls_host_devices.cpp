// SPDX-License-Identifier: GPL-2.0-or-later
// The host's PCI and USB devices in domains of any maker; see controls.hpp.
#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/controls.hpp"
#include "hypervisor/libxl/domain_config.hpp"

namespace xcp::hypervisor::libxl {

namespace {

using PciDevice = Owned<libxl_device_pci, libxl_device_pci_init, libxl_device_pci_dispose>;
using UsbDevice = Owned<libxl_device_usbdev, libxl_device_usbdev_init, libxl_device_usbdev_dispose>;
using PciList = List<libxl_device_pci, int, libxl_device_pci_list_free>;
using AssignableList = List<libxl_device_pci, int, libxl_device_pci_assignable_list_free>;
using UsbList = List<libxl_device_usbdev, int, libxl_device_usbdev_list_free>;

void fill(libxl_device_pci& pci, const XenPciDevice& device) {
  pci.domain = static_cast<int>(device.segment);
  pci.bus = static_cast<std::uint8_t>(device.bus);
  pci.dev = static_cast<std::uint8_t>(device.device);
  pci.func = static_cast<std::uint8_t>(device.function);
  pci.vfunc_mask = static_cast<std::uint32_t>(device.function_mask);
  pci.vdevfn = static_cast<std::uint32_t>(device.virtual_slot);
  pci.msitranslate = device.msi_translate;
  pci.power_mgmt = device.power_management;
  pci.permissive = device.permissive;
  pci.seize = device.seize;
  if (!device.rdm_policy.empty() &&
      libxl_rdm_reserve_policy_from_string(device.rdm_policy.c_str(), &pci.rdm_policy) != 0)
    throw Failure("INVALID_VALUE", {"rdm_policy", device.rdm_policy});
  if (!device.name.empty()) pci.name = strdup(device.name.c_str());
}

XenPciDevice device_of(const libxl_device_pci& pci) {
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
  device.name = text_of(pci.name);
  return device;
}

}  // namespace

std::vector<XenPciDevice> Controls::pci_devices(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  int count = 0;
  libxl_device_pci* items = libxl_device_pci_list(context, number, &count);
  std::vector<XenPciDevice> devices;
  for (const libxl_device_pci& pci : PciList(items, count)) devices.push_back(device_of(pci));
  return devices;
}

void Controls::attach_pci(std::int64_t domid, XenPciDevice device) {
  Context context;
  const std::uint32_t number = there(context, domid);
  PciDevice pci;
  fill(pci.value, device);
  context.check(libxl_device_pci_add(context, number, &pci.value, nullptr),
                "cannot assign the PCI device to domain " + std::to_string(domid));
}

void Controls::detach_pci(std::int64_t domid, XenPciDevice device, bool force) {
  Context context;
  const std::uint32_t number = there(context, domid);
  PciDevice pci;
  fill(pci.value, device);
  context.check(force ? libxl_device_pci_destroy(context, number, &pci.value, nullptr)
                      : libxl_device_pci_remove(context, number, &pci.value, nullptr),
                "cannot take the PCI device from domain " + std::to_string(domid));
}

std::vector<XenPciDevice> Controls::assignable_pci_devices() {
  Context context;
  int count = -1;
  libxl_device_pci* items = libxl_device_pci_assignable_list(context, &count);
  const AssignableList list(items, count);
  // It fails without saying so; that there are none is no failure and allocates nothing either.
  if (list.failed() && context.complained())
    throw context.failure("cannot list the assignable PCI devices", ERROR_FAIL);
  std::vector<XenPciDevice> devices;
  for (const libxl_device_pci& pci : list) devices.push_back(device_of(pci));
  return devices;
}

void Controls::make_pci_assignable(XenPciDevice device) {
  constexpr int remember_driver = 1;
  Context context;
  PciDevice pci;
  fill(pci.value, device);
  context.check(libxl_device_pci_assignable_add(context, &pci.value, remember_driver),
                "cannot make the PCI device assignable");
}

void Controls::end_pci_assignable(XenPciDevice device, bool rebind) {
  Context context;
  PciDevice pci;
  fill(pci.value, device);
  context.check(libxl_device_pci_assignable_remove(context, &pci.value, rebind),
                "cannot give the PCI device back");
}

std::vector<XenUsbDevice> Controls::usb_devices(std::int64_t domid) {
  Context context;
  const std::uint32_t number = there(context, domid);
  int count = 0;
  libxl_device_usbdev* items = libxl_device_usbdev_list(context, number, &count);
  std::vector<XenUsbDevice> devices;
  for (const libxl_device_usbdev& usb : UsbList(items, count))
    devices.push_back({usb.ctrl, usb.port, usb.u.hostdev.hostbus, usb.u.hostdev.hostaddr});
  return devices;
}

void Controls::attach_usb(std::int64_t domid, XenUsbDevice device) {
  Context context;
  const std::uint32_t number = there(context, domid);
  UsbDevice usb;
  libxl_device_usbdev_init_type(&usb.value, LIBXL_USBDEV_TYPE_HOSTDEV);
  usb.value.ctrl = static_cast<int>(device.controller);
  usb.value.port = static_cast<int>(device.port);
  usb.value.u.hostdev.hostbus = static_cast<std::uint8_t>(device.host_bus);
  usb.value.u.hostdev.hostaddr = static_cast<std::uint8_t>(device.host_address);
  context.check(libxl_device_usbdev_add(context, number, &usb.value, nullptr),
                "cannot assign the USB device to domain " + std::to_string(domid));
}

bool Controls::detach_usb(std::int64_t domid, std::int64_t controller, std::int64_t port) {
  Context context;
  const std::uint32_t number = there(context, domid);
  // libxl 4.17 looks into the controller without asking whether there is one, and dies.
  bool known = false;
  for (const XenDevice& one : devices(domid, XenDeviceKind::usb_controller))
    known = known || one.devid == controller;
  UsbDevice usb;
  if (!known || libxl_ctrlport_to_device_usbdev(context, number, static_cast<int>(controller),
                                                static_cast<int>(port), &usb.value) != 0)
    return false;
  context.check(libxl_device_usbdev_remove(context, number, &usb.value, nullptr),
                "cannot take the USB device from domain " + std::to_string(domid));
  return true;
}

}  // namespace xcp::hypervisor::libxl
