// SPDX-License-Identifier: GPL-2.0-or-later
// See strays.hpp.
#include "hypervisor/libvirt/strays.hpp"

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

std::vector<std::string> texts_named(const std::string& reply, const char* member) {
  std::vector<std::string> texts;
  boost::system::error_code error;
  const json::value value = json::parse(reply, error);
  if (error || !value.is_object()) return texts;
  const json::value* list = value.get_object().if_contains("return");
  if (list == nullptr || !list->is_array()) return texts;
  for (const json::value& entry : list->get_array()) {
    const json::object* object = entry.if_object();
    const json::value* text = object != nullptr ? object->if_contains(member) : nullptr;
    if (text != nullptr && text->is_string()) texts.emplace_back(text->get_string());
  }
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

}  // namespace

std::vector<std::string> stray_commands(const std::string& xml, const std::string& peripherals,
                                        const std::string& block_nodes) {
  pugi::xml_document document;
  if (!document.load_string(xml.c_str())) return {};
  Known known;
  collect(document.child("domain").child("devices"), known);

  std::vector<std::string> commands;
  for (const std::string& name : texts_named(peripherals, "name")) {
    const bool disk = device_of_alias(name, disk_alias_prefix).has_value();
    const bool nic = device_of_alias(name, nic_alias_prefix).has_value();
    if ((!disk && !nic) || known.aliases.contains(name)) continue;
    commands.push_back(command("device_del", "id", name));
    if (nic) commands.push_back(command("netdev_del", "id", "host" + name));
  }
  // A format stands on its storage and has to go first.
  for (const char* layer : {"-format", "-storage"})
    for (const std::string& name : texts_named(block_nodes, "node-name")) {
      const auto index = node_index(name);
      if (index && !known.nodes.contains(*index) && name.ends_with(layer))
        commands.push_back(command("blockdev-del", "node-name", name));
    }
  return commands;
}

}  // namespace xcp::hypervisor::libvirt
