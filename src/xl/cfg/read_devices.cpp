// SPDX-License-Identifier: GPL-2.0-or-later
// The lists of devices; see read_parts.hpp. The languages of their entries are in disk.hpp,
// network.hpp and devices.hpp.
#include <fmt/format.h>

#include "xl/cfg/devices.hpp"
#include "xl/cfg/disk.hpp"
#include "xl/cfg/network.hpp"
#include "xl/cfg/read_parts.hpp"
#include "xl/refusal.hpp"

namespace xcp::xl::cfg {

namespace {

// Reads each entry; a refusal gets the setting's place put before it.
template <class Read>
void each(Reader& reader, const char* name, Read read) {
  for (const std::string& text : reader.texts(name)) {
    try {
      read(text);
    } catch (const Failure& failure) {
      throw refusal(fmt::format("{}: {}", reader.at(name), failure.params().at(0)),
                    std::stoi(failure.params().at(1)));
    }
  }
}

template <class Device>
std::int64_t next_devid(const std::vector<Device>& devices) {
  return static_cast<std::int64_t>(devices.size());
}

void read_pci(Domain& domain, Reader& reader) {
  Pci defaults;
  defaults.msitranslate = reader.flag("pci_msitranslate").value_or(false);
  defaults.power_mgmt = reader.flag("pci_power_mgmt").value_or(false);
  defaults.permissive = reader.flag("pci_permissive").value_or(false);
  defaults.seize = reader.flag("pci_seize").value_or(false);
  const bool hvm = domain.c_info.type == "hvm";
  defaults.rdm_policy = hvm ? domain.b_info.hvm.rdm_policy : "strict";
  each(reader, "pci",
       [&](const std::string& text) { domain.pcidevs.push_back(parse_pci(text, defaults)); });
  // A PV guest must see the host's holes where it is to map devices.
  if (domain.c_info.type == "pv" && !domain.pcidevs.empty()) domain.b_info.e820_host = true;
}

void add_vfb(Domain& domain, Vfb vfb) {
  vfb.devid = next_devid(domain.vfbs);
  domain.vfbs.push_back(std::move(vfb));
  Vkb keyboard;
  keyboard.devid = next_devid(domain.vkbs);
  domain.vkbs.push_back(keyboard);
}

void read_screens(Domain& domain, Reader& reader, Warnings& warnings) {
  each(reader, "vfb", [&](const std::string& text) { add_vfb(domain, parse_vfb(text, warnings)); });
  // vnc=1 of a PV guest is short for one frame buffer.
  if (domain.c_info.type == "pv" && domain.vfbs.empty() && reader.flag("vnc").value_or(false)) {
    Vfb vfb;
    read_graphics(vfb.vnc, vfb.sdl, reader);
    vfb.keymap = reader.text("keymap");
    add_vfb(domain, std::move(vfb));
  }
  each(reader, "vkb", [&](const std::string& text) {
    Vkb keyboard = parse_vkb(text);
    keyboard.devid = next_devid(domain.vkbs);
    domain.vkbs.push_back(std::move(keyboard));
  });
}

void read_sound(Domain& domain, Reader& reader) {
  const std::vector<Value>* cards = reader.list("vsnd");
  if (!cards) return;
  for (const Value& card : *cards) {
    if (!card.is_list())
      throw refusal(fmt::format("{}: each card of vsnd is a list", reader.at("vsnd")));
    std::vector<std::string> lines;
    for (const Value& line : card.items) lines.push_back(line.text);
    Vsnd device = parse_vsnd(lines);
    device.devid = next_devid(domain.vsnds);
    domain.vsnds.push_back(std::move(device));
  }
}

template <class Device>
void append(std::vector<Device>& devices, Device device) {
  device.devid = next_devid(devices);
  devices.push_back(std::move(device));
}

}  // namespace

void read_devices(Domain& domain, Reader& reader, const XlConf& conf, Warnings& warnings) {
  each(reader, "disk", [&](const std::string& text) { domain.disks.push_back(parse_disk(text)); });
  each(reader, "vif", [&](const std::string& text) {
    Nic nic = parse_nic(text, next_devid(domain.nics), warnings);
    if (!nic.script) nic.script = conf.vif_script;
    if (!nic.bridge) nic.bridge = conf.vif_bridge;
    if (!nic.gatewaydev) nic.gatewaydev = conf.vif_gatewaydev;
    if (!nic.backend_domname) nic.backend_domname = conf.vif_backend;
    domain.nics.push_back(std::move(nic));
  });
  read_pci(domain, reader);
  domain.dtdevs = reader.texts("dtdev");
  read_screens(domain, reader, warnings);
  each(reader, "vtpm", [&](const std::string& text) { append(domain.vtpms, parse_vtpm(text)); });
  each(reader, "p9",
       [&](const std::string& text) { domain.p9s.push_back(parse_p9(text, warnings)); });
  each(reader, "pvcalls",
       [&](const std::string& text) { append(domain.pvcallsifs, parse_pvcalls(text)); });
  each(reader, "vdispl",
       [&](const std::string& text) { append(domain.vdispls, parse_vdispl(text)); });
  read_sound(domain, reader);
  each(reader, "channel",
       [&](const std::string& text) { append(domain.channels, parse_channel(text, warnings)); });
  each(reader, "usbctrl",
       [&](const std::string& text) { append(domain.usbctrls, parse_usb_controller(text)); });
  each(reader, "usbdev",
       [&](const std::string& text) { domain.usbdevs.push_back(parse_usb_device(text)); });
  each(reader, "virtio",
       [&](const std::string& text) { domain.virtios.push_back(parse_virtio(text)); });
}

}  // namespace xcp::xl::cfg
