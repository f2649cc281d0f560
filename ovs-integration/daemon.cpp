// SPDX-License-Identifier: GPL-2.0-or-later
// See daemon.hpp.
#include "ovs-integration/daemon.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <filesystem>

#include "base/rpc.hpp"
#include "base/service.hpp"

namespace xcp::network {

void serve(const DaemonSettings& settings) {
  begin_service();
  umask(0077);

  LocalNetwork network(settings.network);
  for (const std::string& warning : network.warnings()) spdlog::warn("{}", warning);
  spdlog::info("backend {}: {} NICs, {} networks, {} ports",
               boost::describe::enum_to_string(network.backend(), "?"), network.nics().size(),
               network.networks().size(), network.ports().size());

  std::filesystem::create_directories(std::filesystem::path(settings.socket).parent_path());
  rpc::Server server(listen_unix(settings.socket, 0660, settings.group),
                     rpc::methods_of<Network>(network), settings.group);
  sd_notify(0, "READY=1");
  spdlog::info("serving on {}", settings.socket);
  const int signal_number = wait_for_end_of_service();
  spdlog::info("{}: ending, networks stay", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
  sd_notify(0, "STOPPING=1");
  network.close_events();
}

}  // namespace xcp::network
