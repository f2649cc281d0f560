// SPDX-License-Identifier: GPL-2.0-or-later
// See names.hpp.
#include "ovs-integration/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace xcp::network {

namespace {

constexpr std::string_view mark_prefix = "xcp:";
// Not "vif" or "vnet": libvirt takes these for names it gave itself, and drops them.
constexpr std::string_view port_prefix = "tap";
// Xen's name for a guest's emulated NIC is this and "-emu", and must fit as well.
constexpr std::size_t port_digits = 8;
constexpr std::size_t longest_device_name = 15;

std::uint64_t hash_of(std::string_view text, std::uint64_t round) {
  std::uint64_t hash = 0xcbf29ce484222325u + round;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

bool is_device_name(std::string_view text) {
  if (text.empty() || text.size() > longest_device_name || text == "." || text == "..")
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isgraph(static_cast<unsigned char>(c)) != 0 && c != '/' && c != ':' && c != '%';
  });
}

std::string free_bridge_name(const std::set<std::string>& taken) {
  for (int number = 0;; ++number) {
    std::string name = fmt::format("xapi{}", number);
    if (!taken.contains(name)) return name;
  }
}

std::string port_device_name(const std::string& vif_uuid, const std::set<std::string>& taken) {
  std::string digits;
  for (const char c : vif_uuid)
    if (c != '-') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string name = std::string(port_prefix) + digits.substr(0, port_digits);
  for (std::uint64_t round = 0; taken.contains(name); ++round)
    name = fmt::format("{}{:08x}", port_prefix, hash_of(vif_uuid, round) & 0xffffffff);
  return name;
}

std::string shaper_device_name(const std::string& port_device) {
  return "ifb" + port_device.substr(std::min(port_prefix.size(), port_device.size()));
}

std::optional<std::string> normal_mac(std::string_view text) {
  constexpr std::size_t length = 17;
  if (text.size() != length) return std::nullopt;
  std::string mac;
  bool zero = true;
  for (std::size_t i = 0; i < length; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (i % 3 == 2 ? c != ':' : std::isxdigit(c) == 0) return std::nullopt;
    if (c != ':' && c != '0') zero = false;
    mac += static_cast<char>(std::tolower(c));
  }
  const bool multicast = std::string_view("13579bdf").find(mac[1]) != std::string_view::npos;
  if (multicast || zero) return std::nullopt;
  return mac;
}

std::string bridge_mac(const std::string& network_uuid) {
  const std::uint64_t hash = hash_of(network_uuid, 0);
  return fmt::format("02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", hash & 0xff, hash >> 8 & 0xff,
                     hash >> 16 & 0xff, hash >> 24 & 0xff, hash >> 32 & 0xff);
}

std::string mark_of(const std::string& uuid) {
  return std::string(mark_prefix) + uuid;
}

std::optional<std::string> marked_uuid(std::string_view alias) {
  if (!alias.starts_with(mark_prefix) || alias.size() == mark_prefix.size()) return std::nullopt;
  return std::string(alias.substr(mark_prefix.size()));
}

}  // namespace xcp::network
