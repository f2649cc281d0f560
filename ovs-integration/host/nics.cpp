// SPDX-License-Identifier: GPL-2.0-or-later
// See nics.hpp.
#include "ovs-integration/host/nics.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

namespace fs = std::filesystem;

// Attributes of devices that are down answer with an error instead of a value.
std::string read_line(const std::string& path) {
  try {
    std::string text = read_file(path).value_or("");
    return text.substr(0, text.find('\n'));
  } catch (const Failure&) {
    return {};
  }
}

std::string without_0x(const std::string& text) {
  return text.starts_with("0x") ? text.substr(2) : text;
}

bool is_pci_address(const std::string& text) {
  constexpr std::string_view shape = "hhhh:hh:hh.h";
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (shape[i] == 'h' ? !digit : text[i] != shape[i]) return false;
  }
  return true;
}

std::string last_part_of_link(const fs::path& link) {
  std::error_code error;
  const fs::path target = fs::read_symlink(link, error);
  return error ? std::string() : target.filename().string();
}

// The device itself or the nearest thing above it on the PCI bus: a virtio NIC hangs below one.
fs::path pci_device_above(const fs::path& device) {
  for (fs::path path = device; path.has_relative_path(); path = path.parent_path())
    if (is_pci_address(path.filename().string())) return path;
  return {};
}

bool is_left_out(const Link& link) {
  static const std::set<std::string> kinds{
      "veth",  "tun",    "ifb",       "macvtap", "ipvtap", "gre",    "gretap",      "erspan",
      "vxlan", "geneve", "sit",       "ipip",    "ip6tnl", "ip6gre", "ip6gretap",   "ip6erspan",
      "vti",   "vti6",   "wireguard", "vcan",    "vxcan",  "nlmon",  "openvswitch", "vrf"};
  return link.loopback || kinds.contains(link.kind);
}

std::string line_starting_with(std::string_view text, std::string_view start) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(start)) {
      const auto name = line.find_first_not_of(" \t", start.size());
      return name == std::string_view::npos ? "" : std::string(line.substr(name));
    }
    at = end + 1;
  }
  return {};
}

}  // namespace

DeviceFacts device_facts(const std::string& sysfs, const std::string& device) {
  DeviceFacts facts;
  const fs::path base = fs::path(sysfs) / "class/net" / device;
  std::error_code error;
  const fs::path hardware = fs::canonical(base / "device", error);
  if (!error) {
    facts.backend = last_part_of_link(hardware / "subsystem") == "xen-backend";
    facts.physical = !facts.backend;
    facts.driver = last_part_of_link(hardware / "driver");
    const fs::path pci = pci_device_above(hardware);
    const fs::path described = pci.empty() ? hardware : pci;
    facts.pci_address = pci.filename().string();
    facts.vendor_id = without_0x(read_line(described / "vendor"));
    facts.device_id = without_0x(read_line(described / "device"));
  }
  const std::string speed = read_line(base / "speed");
  std::int64_t mbps = 0;
  std::from_chars(speed.data(), speed.data() + speed.size(), mbps);
  // Unknown is -1, in some drivers as an unsigned number.
  constexpr std::int64_t fastest_believable = 10'000'000;
  if (mbps > 0 && mbps < fastest_believable) facts.speed_mbps = mbps;
  facts.full_duplex = read_line(base / "duplex") == "full";
  return facts;
}

// The file: "vvvv  Vendor" in the first column, its devices below it as "\tdddd  Device".
PciNames pci_names(std::string_view pci_ids, const std::string& vendor_id,
                   const std::string& device_id) {
  PciNames names;
  if (vendor_id.empty()) return names;
  const std::string first = "\n" + vendor_id + " ";
  std::size_t at = 0;
  if (!pci_ids.starts_with(vendor_id + " ")) {
    at = pci_ids.find(first);
    if (at == std::string_view::npos) return names;
    ++at;
  }
  const auto line_end = std::min(pci_ids.find('\n', at), pci_ids.size());
  names.vendor = line_starting_with(pci_ids.substr(at, line_end - at), vendor_id);
  // The vendor's block ends where the next line begins in the first column.
  auto end = line_end;
  while (end + 1 < pci_ids.size() && (pci_ids[end + 1] == '\t' || pci_ids[end + 1] == '#'))
    end = std::min(pci_ids.find('\n', end + 1), pci_ids.size());
  if (!device_id.empty())
    names.device = line_starting_with(pci_ids.substr(line_end, end - line_end), "\t" + device_id);
  return names;
}

std::vector<std::string> name_servers(std::string_view resolv_conf) {
  std::vector<std::string> servers;
  std::size_t at = 0;
  while (at < resolv_conf.size()) {
    const auto end = std::min(resolv_conf.find('\n', at), resolv_conf.size());
    std::string_view line = resolv_conf.substr(at, end - at);
    at = end + 1;
    constexpr std::string_view keyword = "nameserver";
    if (!line.starts_with(keyword)) continue;
    line.remove_prefix(keyword.size());
    const auto begin = line.find_first_not_of(" \t");
    if (begin == 0 || begin == std::string_view::npos) continue;
    line.remove_prefix(begin);
    servers.emplace_back(line.substr(0, line.find_first_of(" \t\r#;")));
  }
  return servers;
}

std::vector<NicInfo> nics_of(const HostView& view, const FactsOf& facts,
                             const std::set<std::string>& also_nics) {
  std::map<int, std::string> names;
  for (const Link& link : view.links) names[link.index] = link.name;

  // The host is reached through the best IPv4 default route, or the best IPv6 one if there is none.
  const auto better = [](const DefaultRoute& a, const DefaultRoute& b) {
    return a.ipv6 != b.ipv6 ? !a.ipv6 : a.metric < b.metric;
  };
  const auto best = std::min_element(view.routes.begin(), view.routes.end(), better);
  const int management = best == view.routes.end() ? 0 : best->index;

  std::vector<NicInfo> nics;
  for (const Link& link : view.links) {
    const bool wanted = also_nics.contains(link.name);
    if (!wanted && (is_left_out(link) || marked_uuid(link.alias))) continue;
    const DeviceFacts known = facts(link.name);
    if (known.backend && !wanted) continue;
    NicInfo nic;
    nic.device = link.name;
    nic.mac = link.mac;
    nic.mtu = link.mtu;
    nic.physical = wanted || (known.physical && link.kind.empty());
    nic.carrier = link.carrier;
    nic.speed_mbps = link.carrier ? known.speed_mbps : 0;
    nic.full_duplex = link.carrier && known.full_duplex;
    nic.driver = known.driver;
    nic.vendor_id = known.vendor_id;
    nic.device_id = known.device_id;
    nic.pci_address = known.pci_address;
    if (link.master != 0) nic.bridge = names[link.master];
    nic.management = link.index == management;
    if (nic.management) nic.dns = view.name_servers;
    for (const Address& address : view.addresses)
      if (address.index == link.index) nic.addresses.push_back(address.text);
    const DefaultRoute* route = nullptr;
    for (const DefaultRoute& candidate : view.routes)
      if (candidate.index == link.index && !candidate.ipv6 &&
          (route == nullptr || candidate.metric < route->metric))
        route = &candidate;
    if (route != nullptr) nic.gateway = route->gateway;
    nics.push_back(std::move(nic));
  }
  std::sort(nics.begin(), nics.end(),
            [](const NicInfo& a, const NicInfo& b) { return a.device < b.device; });
  return nics;
}

// ---- this host ----------------------------------------------------------------------------------

NicScan::NicScan(HostLinks& links, NicSources sources)
    : links_(links), sources_(std::move(sources)) {}

HostView NicScan::look() {
  return {links_.all(), links_.addresses(), links_.default_routes(),
          name_servers(read_file(sources_.resolv_conf).value_or(""))};
}

std::vector<NicInfo> NicScan::nics() {
  auto nics = nics_of(
      look(), [&](const std::string& device) { return device_facts(sources_.sysfs, device); },
      sources_.also_nics);
  std::lock_guard lock(mutex_);
  for (NicInfo& nic : nics) {
    if (nic.vendor_id.empty()) continue;
    const std::pair<std::string, std::string> id(nic.vendor_id, nic.device_id);
    auto known = names_.find(id);
    if (known == names_.end()) {
      PciNames names;
      for (const std::string& path : sources_.pci_ids)
        if (names.vendor.empty())
          names = pci_names(read_file(path).value_or(""), nic.vendor_id, nic.device_id);
      known = names_.emplace(id, std::move(names)).first;
    }
    nic.vendor_name = known->second.vendor;
    nic.device_name = known->second.device;
  }
  return nics;
}

std::vector<NicStats> NicScan::stats() {
  std::vector<NicStats> stats;
  for (const Link& link : links_.all())
    if (sources_.also_nics.contains(link.name) || (!is_left_out(link) && !marked_uuid(link.alias)))
      stats.push_back({link.name, link.rx_bytes, link.tx_bytes, link.rx_errors, link.tx_errors});
  return stats;
}

}  // namespace xcp::network
