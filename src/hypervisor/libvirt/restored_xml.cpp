// SPDX-License-Identifier: GPL-2.0-or-later
// The XML of a saved image, fitted to where the guest is to go on; see domain_xml.hpp.
#include <algorithm>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/libvirt/xml_parts.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

xml_node find_device(xml_node devices, const char* kind, std::string_view prefix,
                     const std::string& device) {
  return devices.find_child([&](const xml_node& node) {
    return std::string_view(node.name()) == kind &&
           device_of_alias(node.child("alias").attribute("name").value(), prefix) == device;
  });
}

// A guest must find all hardware it had, so the spec has to say what is behind each device.
template <class Spec>
void require_named(xml_node devices, const char* kind, std::string_view prefix,
                   const std::vector<Spec>& specs) {
  for (xml_node node : devices.children(kind)) {
    const std::string alias = node.child("alias").attribute("name").value();
    const auto device = device_of_alias(alias, prefix);
    const bool named = device && std::any_of(specs.begin(), specs.end(), [&](const Spec& spec) {
                         return spec.device == *device;
                       });
    if (!named)
      throw internal_error(std::string("the saved image has a ") + kind +
                           " that the VM has no longer: " + alias);
  }
}

void replace_attribute(xml_node node, const char* name, const std::string& value) {
  if (!node) return;
  if (!node.attribute(name)) node.append_attribute(name);
  node.attribute(name).set_value(value.c_str());
}

void replace_text(xml_node parent, const char* name, const std::string& text) {
  parent.remove_child(name);
  if (!text.empty()) child(parent, name, text);
}

void replace_sockets(xml_node devices, const VmSpec& spec, const HostView& host) {
  for (const char* kind : {"serial", "console"})
    replace_attribute(devices.child(kind).child("source"), "path", serial_socket(host, spec.uuid));
  for (xml_node channel : devices.children("channel"))
    if (std::string_view(channel.child("target").attribute("name").value()) == agent_channel)
      replace_attribute(channel.child("source"), "path", agent_socket(host, spec.uuid));
}

void replace_disk_source(xml_node node, const DiskSpec& disk, const HostView& host) {
  node.remove_child("source");
  node.remove_child("backingStore");
  node.remove_attribute("type");
  put_source(node, disk, host);
  replace_attribute(node.child("driver"), "type", format_name(disk.format));
}

void replace_backing(xml_node node, const NicSpec& nic, const HostView& host) {
  for (const char* name : {"source", "virtualport", "target", "link", "ip"})
    node.remove_child(name);
  node.remove_attribute("type");
  put_backing(node, nic, host);
}

}  // namespace

std::string restored_xml(const std::string& saved, const VmSpec& spec, const Mark& mark,
                         const HostView& host) {
  xml_document document;
  if (!document.load_string(saved.c_str())) throw internal_error("the saved image holds no XML");
  xml_node domain = document.child("domain");
  if (spec.uuid != domain.child("uuid").text().get())
    throw internal_error("the saved image is of VM " +
                         std::string(domain.child("uuid").text().get()) + ", not of " + spec.uuid);
  domain.remove_child("metadata");
  put_mark(domain.insert_child_after("metadata", domain.child("uuid")), mark, true);
  domain.remove_child("title");
  if (!spec.name.empty()) {
    xml_node title = domain.insert_child_after("title", domain.child("uuid"));
    title.text().set(printable(spec.name).c_str());
  }
  domain.child("on_reboot").text().set(action_name(spec.on_reboot));
  domain.child("on_crash").text().set(action_name(spec.on_crash));
  if (spec.firmware == Firmware::uefi && !spec.nvram_path.empty())
    domain.child("os").child("nvram").text().set(spec.nvram_path.c_str());

  if (spec.direct_kernel) {
    replace_text(domain.child("os"), "kernel", spec.direct_kernel->kernel);
    replace_text(domain.child("os"), "initrd", spec.direct_kernel->ramdisk);
    replace_text(domain.child("os"), "cmdline", spec.direct_kernel->command_line);
  }

  xml_node devices = domain.child("devices");
  replace_sockets(devices, spec, host);
  for (const DiskSpec& disk : spec.disks) {
    xml_node node = find_device(devices, "disk", disk_alias_prefix, disk.device);
    if (!node) throw internal_error("the saved image has no disk " + disk.device);
    replace_disk_source(node, disk, host);
  }
  for (const NicSpec& nic : spec.nics) {
    xml_node node = find_device(devices, "interface", nic_alias_prefix, nic.device);
    if (!node) throw internal_error("the saved image has no NIC " + nic.device);
    replace_backing(node, nic, host);
  }
  require_named(devices, "disk", disk_alias_prefix, spec.disks);
  require_named(devices, "interface", nic_alias_prefix, spec.nics);
  return text_of(document);
}

}  // namespace xcp::hypervisor::libvirt
