// SPDX-License-Identifier: GPL-2.0-or-later
// Command line of xcp-networkd.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "ovs-integration/daemon.hpp"

int main(int argc, char** argv) {
  using namespace xcp::network;
  DaemonSettings settings;
  NetworkSettings& network = settings.network;
  network.state_dir = "/var/lib/xcp/network";
  std::vector<std::string> also_nics;

  CLI::App app("Keeps the networks of virtual machines for xapi, as bridges on this host.",
               "xcp-networkd");
  app.set_config("--config", "", "file of the same options, one \"name=value\" a line");
  app.add_option("--socket", settings.socket, "where to serve")->capture_default_str();
  app.add_option("--group", settings.group, "besides root, the group that may call")
      ->capture_default_str();
  app.add_option("--state-dir", network.state_dir, "what is kept over restarts")
      ->capture_default_str();
  app.add_option("--backend", network.backend,
                 "bridge: Linux bridges; user: nothing on the host; sim: simulated NICs; "
                 "openvswitch: bridges of Open vSwitch")
      ->option_text("NAME")
      ->transform(
          CLI::Transformer(std::map<std::string, Backend>{{"bridge", Backend::bridge},
                                                          {"user", Backend::user},
                                                          {"sim", Backend::sim},
                                                          {"openvswitch", Backend::openvswitch}}));
  app.add_option("--ovs-socket", network.ovs.socket, "openvswitch: where ovsdb-server listens")
      ->capture_default_str();
  app.add_option("--ovs-datapath", network.ovs.datapath_type,
                 "openvswitch: system, packets through the kernel; netdev: through ovs-vswitchd")
      ->check(CLI::IsMember({"system", "netdev"}))
      ->capture_default_str();
  app.add_option("--nic", also_nics,
                 "take this device for a NIC though it is virtual; may be given again");
  app.add_option("--sim-nics", network.sim_nics, "sim: how many NICs at the first start")
      ->check(CLI::Range(0, 64))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  network.nic_sources.also_nics = {also_nics.begin(), also_nics.end()};
  try {
    serve(settings);
  } catch (const std::exception& error) {
    spdlog::error("cannot start: {}", error.what());
    return 1;
  }
  return 0;
}
