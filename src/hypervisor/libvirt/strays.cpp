// SPDX-License-Identifier: GPL-2.0-or-later
// See strays.hpp.
#include "hypervisor/libvirt/strays.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <optional>
#include <pugixml.hpp>
#include <set>

#include "hypervisor/libvirt/names.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

namespace json = boost::json;

// The objects of a reply's list; other entries are left out.
std::vector<json::object> entries(const std::string& reply) {
  std::vector<json::object> found;
  boost::system::error_code error;
  const json::value value = json::parse(reply, error);
  if (error || !value.is_object()) return found;
  const json::value* list = value.get_object().if_contains("return");
  if (list == nullptr || !list->is_array()) return found;
  for (const json::value& entry : list->get_array())
    if (entry.is_object()) found.push_back(entry.get_object());
  return found;
}

std::string text_in(const json::object& object, const char* name) {
  const json::value* text = object.if_contains(name);
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

std::vector<std::string> texts_named(const std::string& reply, const char* member) {
  std::vector<std::string> texts;
  for (const json::object& entry : entries(reply)) texts.push_back(text_in(entry, member));
  return texts;
}

std::string command(const char* name, const char* argument, const std::string& value) {
  return json::serialize(
      json::value{{"execute", name}, {"arguments", json::object{{argument, value}}}});
}

// The number in "libvirt-7-format" and its like.
std::optional<int> node_index(const std::string& name) {
  constexpr std::string_view prefix = "libvirt-";
  if (!name.starts_with(prefix)) return std::nullopt;
  int index = 0;
  const char* begin = name.data() + prefix.size();
  const auto [at, error] = std::from_chars(begin, name.data() + name.size(), index);
  if (error != std::errc() || at == begin || *at != '-') return std::nullopt;
  return index;
}

struct Known {
  std::set<std::string> aliases;
  std::set<int> nodes;
};

void collect(pugi::xml_node node, Known& known) {
  for (pugi::xml_node inner : node.children()) {
    if (std::string_view(inner.name()) == "alias")
      known.aliases.insert(inner.attribute("name").value());
    if (inner.attribute("index")) known.nodes.insert(inner.attribute("index").as_int());
    collect(inner, known);
  }
}

// The image behind a device, as query-block tells.
std::optional<DiskSpec> find_image(const std::string& blocks, const std::string& alias) {
  for (const json::object& entry : entries(blocks)) {
    if (text_in(entry, "qdev").find("/" + alias + "/") == std::string::npos) continue;
    const json::value* inserted = entry.if_contains("inserted");
    if (inserted == nullptr || !inserted->is_object()) continue;
    const json::object& image = inserted->get_object();
    DiskSpec disk;
    disk.path = text_in(image, "file");
    disk.format = text_in(image, "drv") == "qcow2" ? DiskFormat::qcow2 : DiskFormat::raw;
    const json::value* read_only = image.if_contains("ro");
    disk.read_only = read_only != nullptr && read_only->is_bool() && read_only->get_bool();
    return disk;
  }
  return std::nullopt;
}

// A format stands on its storage and has to go first, an overlay before its base.
void remove_nodes(const QemuLists& qemu, const std::set<int>& kept,
                  std::vector<std::string>& commands) {
  std::vector<std::pair<int, std::string>> names;
  for (const std::string& name : texts_named(qemu.block_nodes, "node-name"))
    if (const auto index = node_index(name); index && !kept.contains(*index))
      names.emplace_back(*index, name);
  std::sort(names.begin(), names.end());
  for (const char* layer : {"-format", "-storage"})
    for (const auto& [index, name] : names)
      if (name.ends_with(layer)) commands.push_back(command("blockdev-del", "node-name", name));
}

}  // namespace

std::string removal_command(const std::string& alias) {
  return command("device_del", "id", alias);
}

bool has_peripheral(const std::string& peripherals, const std::string& alias) {
  const auto names = texts_named(peripherals, "name");
  return std::find(names.begin(), names.end(), alias) != names.end();
}

Strays find_strays(const std::string& xml, const QemuLists& qemu) {
  pugi::xml_document document;
  if (!document.load_string(xml.c_str())) return {};
  Known known;
  collect(document.child("domain").child("devices"), known);

  Strays strays;
  for (const std::string& name : texts_named(qemu.peripherals, "name")) {
    if (known.aliases.contains(name)) continue;
    if (const auto device = device_of_alias(name, disk_alias_prefix)) {
      auto disk = find_image(qemu.blocks, name);
      if (!disk) continue;
      disk->device = *device;
      strays.disks.push_back({name, std::move(*disk)});
    }
    if (device_of_alias(name, nic_alias_prefix)) {
      strays.nics.push_back(name);
      strays.commands.push_back(removal_command(name));
      strays.commands.push_back(command("netdev_del", "id", "host" + name));
    }
  }
  // An image with its whole chain belongs to such a disk or to none: nothing is removed below one.
  if (strays.disks.empty()) remove_nodes(qemu, known.nodes, strays.commands);
  return strays;
}

}  // namespace xcp::hypervisor::libvirt
