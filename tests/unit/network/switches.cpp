// SPDX-License-Identifier: GPL-2.0-or-later
// See switches.hpp.
#include "switches.hpp"

#include <sstream>

#include "ovs-integration/names.hpp"

namespace xcp::network {

namespace {

// A value as ovs-vsctl prints it, without the line's end and quotes.
std::string bare(std::string text) {
  std::erase(text, '\n');
  std::erase(text, '"');
  return text;
}

}  // namespace

std::set<std::string> SwitchTest::bridges() {
  std::set<std::string> names;
  if (is_ovs()) {
    std::istringstream lines(ovs->vsctl("list-br"));
    for (std::string line; std::getline(lines, line);) names.insert(line);
    return names;
  }
  for (const Link& each : host->all())
    if (each.kind == "bridge") names.insert(each.name);
  return names;
}

std::string SwitchTest::bridge_of(const std::string& device) {
  if (is_ovs()) {
    for (const std::string& bridge : bridges())
      if (("\n" + ovs->vsctl("list-ifaces " + bridge)).find("\n" + device + "\n") !=
          std::string::npos)
        return bridge;
    return {};
  }
  const int master = link(device).master;
  for (const Link& each : host->all())
    if (master != 0 && each.index == master) return each.name;
  return {};
}

std::string SwitchTest::mark_of_bridge(const std::string& bridge) {
  if (is_ovs()) return bare(ovs->vsctl("br-get-external-id " + bridge + " xcp-network"));
  return marked_uuid(link(bridge).alias).value_or("");
}

void SwitchTest::add_bridge(const std::string& name, const std::string& network_uuid) {
  if (is_ovs()) {
    ovs->vsctl("add-br " + name + " -- set bridge " + name + " datapath_type=netdev");
    if (!network_uuid.empty())
      ovs->vsctl("br-set-external-id " + name + " xcp-network " + network_uuid);
    return;
  }
  sh("ip link add " + name + " type bridge");
  if (!network_uuid.empty()) sh("ip link set " + name + " alias xcp:" + network_uuid);
}

void SwitchTest::delete_bridge(const std::string& name) {
  if (is_ovs())
    ovs->vsctl("del-br " + name);
  else
    sh("ip link del " + name);
}

void SwitchTest::unmark(const std::string& bridge) {
  if (is_ovs())
    ovs->vsctl("br-set-external-id " + bridge + " xcp-network");
  else
    sh("ip link set " + bridge + " alias mine");
}

void SwitchTest::put_in(const std::string& device, const std::string& bridge) {
  if (is_ovs())
    ovs->vsctl("add-port " + bridge + " " + device);
  else
    sh("ip link set " + device + " master " + bridge);
}

void SwitchTest::take_out(const std::string& device) {
  if (is_ovs())
    ovs->vsctl("del-port " + device);
  else
    sh("ip link set " + device + " nomaster");
}

}  // namespace xcp::network
