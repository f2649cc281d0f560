// SPDX-License-Identifier: GPL-2.0-or-later
// See domain_state.hpp.
#include "hypervisor/libvirt/domain_state.hpp"

#include <algorithm>
#include <cstring>
#include <pugixml.hpp>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

using pugi::xml_node;

std::int64_t bytes_of(xml_node node) {
  const std::int64_t number = node.text().as_llong();
  const std::string unit = node.attribute("unit").as_string("KiB");
  if (unit == "b" || unit == "bytes") return number;
  if (unit == "MiB" || unit == "M") return number << 20;
  if (unit == "GiB" || unit == "G") return number << 30;
  return number << 10;
}

OnEvent action_of(const char* name) {
  if (std::strcmp(name, "destroy") == 0) return OnEvent::destroy;
  if (std::strcmp(name, "preserve") == 0) return OnEvent::preserve;
  return OnEvent::restart;
}

// Prefixes are whatever libvirt chose when it wrote the XML anew.
const char* local_name(xml_node node) {
  const char* colon = std::strchr(node.name(), ':');
  return colon != nullptr ? colon + 1 : node.name();
}

xml_node find_mark(xml_node domain) {
  for (xml_node node : domain.child("metadata").children()) {
    if (std::strcmp(local_name(node), "domain") != 0) continue;
    for (pugi::xml_attribute attribute : node.attributes())
      if (std::strncmp(attribute.name(), "xmlns", 5) == 0 &&
          std::strcmp(attribute.value(), mark_namespace) == 0)
        return node;
  }
  return {};
}

Mark read_mark(xml_node node) {
  Mark mark;
  mark.start_time = node.attribute("start_time").as_llong();
  mark.on_reboot = action_of(node.attribute("on_reboot").value());
  for (xml_node entry : node.children())
    if (std::strcmp(local_name(entry), "forward") == 0)
      mark.forwards[entry.attribute("nic").value()].push_back(
          {entry.attribute("host_port").as_int(), entry.attribute("guest_port").as_int()});
  return mark;
}

DiskSpec read_disk(xml_node node) {
  DiskSpec disk;
  disk.device = device_of_alias(node.child("alias").attribute("name").value(), disk_alias_prefix)
                    .value_or(node.child("target").attribute("dev").value());
  disk.cdrom = std::strcmp(node.attribute("device").value(), "cdrom") == 0;
  disk.read_only = !node.child("readonly").empty();
  disk.bootable = !node.child("boot").empty();
  const xml_node source = node.child("source");
  disk.path =
      source.attribute("file") ? source.attribute("file").value() : source.attribute("dev").value();
  disk.format = std::strcmp(node.child("driver").attribute("type").value(), "qcow2") == 0
                    ? DiskFormat::qcow2
                    : DiskFormat::raw;
  disk.serial = node.child("serial").text().get();
  for (xml_node limit : node.child("iotune").children())
    disk.qos[limit.name()] = limit.text().get();
  return disk;
}

NicSpec read_nic(xml_node node) {
  NicSpec nic;
  nic.device = device_of_alias(node.child("alias").attribute("name").value(), nic_alias_prefix)
                   .value_or(std::string());
  nic.mac = node.child("mac").attribute("address").value();
  nic.mtu = node.child("mtu").attribute("size").as_int(1500);
  nic.host_device = node.child("target").attribute("dev").value();
  const char* type = node.attribute("type").value();
  if (std::strcmp(type, "bridge") == 0) {
    nic.backing = NicBacking::bridge;
    nic.bridge = node.child("source").attribute("bridge").value();
  } else if (std::strcmp(type, "user") == 0) {
    const bool down = std::strcmp(node.child("link").attribute("state").value(), "down") == 0;
    nic.backing = down ? NicBacking::none : NicBacking::user;
  }
  return nic;
}

std::string read_vnc_socket(xml_node graphics) {
  if (graphics.attribute("socket")) return graphics.attribute("socket").value();
  for (xml_node listen : graphics.children("listen"))
    if (listen.attribute("socket")) return listen.attribute("socket").value();
  return {};
}

}  // namespace

DomainView read_domain(const std::string& xml) {
  pugi::xml_document document;
  const auto parsed = document.load_string(xml.c_str());
  const xml_node domain = document.child("domain");
  if (!parsed || !domain)
    throw internal_error(std::string("libvirt's domain XML is malformed: ") + parsed.description());

  DomainView view;
  DomainState& state = view.state;
  state.uuid = domain.child("uuid").text().get();
  state.domid = domain.attribute("id").as_llong(-1);
  state.name = domain.child("title") ? domain.child("title").text().get()
                                     : domain.child("name").text().get();
  const xml_node mark = find_mark(domain);
  state.ours = !mark.empty();
  if (mark) view.mark = read_mark(mark);
  state.start_time = view.mark.start_time;
  const xml_node vcpu = domain.child("vcpu");
  state.vcpus =
      vcpu.attribute("current") ? vcpu.attribute("current").as_llong() : vcpu.text().as_llong();
  view.vcpus_max = vcpu.text().as_llong();
  state.memory_bytes = bytes_of(domain.child("currentMemory"));
  view.memory_max_bytes = bytes_of(domain.child("memory"));
  view.nvram = domain.child("os").child("nvram").text().get();

  const xml_node devices = domain.child("devices");
  for (xml_node node : devices.children("disk")) {
    DiskSpec disk = read_disk(node);
    view.disk_aliases[disk.device] = node.child("alias").attribute("name").value();
    view.disk_targets[disk.device] = node.child("target").attribute("dev").value();
    state.disks.push_back(std::move(disk));
  }
  for (xml_node node : devices.children("interface")) {
    NicSpec nic = read_nic(node);
    const auto forwards = view.mark.forwards.find(nic.device);
    if (forwards != view.mark.forwards.end()) nic.forwards = forwards->second;
    view.nic_devices.push_back(nic.device);
    view.nic_aliases[nic.device] = node.child("alias").attribute("name").value();
    state.nics.push_back(std::move(nic));
  }
  const xml_node serial = devices.child("serial");
  if (std::strcmp(serial.attribute("type").value(), "unix") == 0)
    view.serial_socket = serial.child("source").attribute("path").value();
  for (xml_node graphics : devices.children("graphics")) {
    if (std::strcmp(graphics.attribute("type").value(), "vnc") != 0) continue;
    view.vnc_socket = read_vnc_socket(graphics);
    state.vnc_port = std::max(graphics.attribute("port").as_int(), 0);
  }
  for (xml_node channel : devices.children("channel")) {
    const xml_node target = channel.child("target");
    if (std::strcmp(target.attribute("name").value(), agent_channel) == 0)
      view.agent_connected = std::strcmp(target.attribute("state").value(), "connected") == 0;
  }
  return view;
}

}  // namespace xcp::hypervisor::libvirt
