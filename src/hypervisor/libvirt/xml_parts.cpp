// SPDX-License-Identifier: GPL-2.0-or-later
// See xml_parts.hpp.
#include "hypervisor/libvirt/xml_parts.hpp"

#include <charconv>
#include <sstream>

#include "base/failure.hpp"
#include "hypervisor/libvirt/names.hpp"

namespace xcp::hypervisor::libvirt {

std::string text_of(const xml_document& document) {
  std::ostringstream out;
  document.save(out, "  ", pugi::format_indent | pugi::format_no_declaration);
  return out.str();
}

xml_node child(xml_node parent, const char* name) {
  return parent.append_child(name);
}

xml_node child(xml_node parent, const char* name, const std::string& text) {
  xml_node node = parent.append_child(name);
  node.text().set(text.c_str());
  return node;
}

void set(xml_node node, const char* name, const std::string& value) {
  xml_node(node).append_attribute(name).set_value(value.c_str());
}
void set(xml_node node, const char* name, std::int64_t value) {
  set(node, name, std::to_string(value));
}

// libvirt refuses control characters in names; a title is for people only.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

int number_of(const std::string& device, const char* what) {
  int number = -1;
  const char* end = device.data() + device.size();
  const auto [at, error] = std::from_chars(device.data(), end, number);
  if (error != std::errc() || at != end || number < 0 || number > 255)
    throw internal_error(std::string(what) + " has no device number between 0 and 255: \"" +
                         device + "\"");
  return number;
}

std::string letters(int number) {
  std::string out(1, static_cast<char>('a' + number % 26));
  for (number = number / 26; number > 0; number = (number - 1) / 26)
    out.insert(out.begin(), static_cast<char>('a' + (number - 1) % 26));
  return out;
}

void put_slot(xml_node device, int slot) {
  xml_node address = child(device, "address");
  set(address, "type", "pci");
  set(address, "domain", 0);
  set(address, "bus", 0);
  set(address, "slot", slot);
  set(address, "function", 0);
}

const char* format_name(DiskFormat format) {
  switch (format) {
    case DiskFormat::raw:
      return "raw";
    case DiskFormat::qcow2:
      return "qcow2";
  }
  return "raw";
}

const char* action_name(OnEvent action) {
  switch (action) {
    case OnEvent::destroy:
      return "destroy";
    case OnEvent::restart:
      return "restart";
    case OnEvent::preserve:
      return "preserve";
  }
  return "destroy";
}

void put_mark(xml_node parent, const Mark& mark, bool with_name_space) {
  const std::string prefix = with_name_space ? std::string(mark_prefix) + ":" : "";
  xml_node node = child(parent, (prefix + "domain").c_str());
  if (with_name_space) set(node, (std::string("xmlns:") + mark_prefix).c_str(), mark_namespace);
  set(node, "start_time", mark.start_time);
  set(node, "on_reboot", action_name(mark.on_reboot));
  for (const auto& [device, forwards] : mark.forwards)
    for (const PortForward& forward : forwards) {
      xml_node entry = child(node, (prefix + "forward").c_str());
      set(entry, "nic", device);
      set(entry, "host_port", forward.host_port);
      set(entry, "guest_port", forward.guest_port);
    }
}

}  // namespace xcp::hypervisor::libvirt
