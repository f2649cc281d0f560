// SPDX-License-Identifier: GPL-2.0-or-later
// xapi: the toolstack's process. Reads its options, puts the parts together, waits for the end.
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>

#include "base/service.hpp"
#include "xapi/toolstack.hpp"

namespace {

xcp::xapi::Settings default_settings() {
  xcp::xapi::Settings settings;
  settings.state_dir = "/var/lib/xcp/xapi";
  settings.socket = "/run/xcp/xapi.sock";
  settings.hypervisor_socket = "/run/xcp/hypervisor.sock";
  settings.storage_socket = "/run/xcp/storage.sock";
  settings.network_socket = "/run/xcp/network.sock";
  settings.auth_socket = "/run/xcp/auth.sock";
  settings.templates_dir = "/usr/share/xcp/templates";
  settings.kernel_dir = "/var/lib/xcp/guest";
  return settings;
}

void add_options(CLI::App& app, xcp::xapi::Settings& settings) {
  app.add_option("--state-dir", settings.state_dir, "database and certificate")
      ->capture_default_str();
  app.add_option("--socket", settings.socket, "unix socket of the API")->capture_default_str();
  app.add_option("--listen", settings.listen_address,
                 "address to serve HTTPS on; empty: the unix socket only");
  app.add_option("--https-port", settings.https_port, "port of HTTPS")->capture_default_str();
  app.add_option("--hypervisor-socket", settings.hypervisor_socket)->capture_default_str();
  app.add_option("--storage-socket", settings.storage_socket)->capture_default_str();
  app.add_option("--network-socket", settings.network_socket)->capture_default_str();
  app.add_option("--auth-socket", settings.auth_socket)->capture_default_str();
  app.add_option("--kernel-dir", settings.kernel_dir,
                 "the one directory that guests' kernels (PV_kernel, PV_ramdisk) are taken from")
      ->capture_default_str();
  app.add_option("--templates-dir", settings.templates_dir, "guest templates")
      ->capture_default_str();
  app.add_option("--group", settings.group,
                 "group whose members may use the unix socket as root does")
      ->capture_default_str();
  app.add_option("--workers", settings.workers, "threads for quick calls")->capture_default_str();
  app.add_option("--operations", settings.operations, "threads for long operations")
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The XenAPI toolstack: serves XenAPI over HTTPS and a unix socket."};
  app.set_version_flag("--version", XCP_VERSION);
  xcp::xapi::Settings settings = default_settings();
  add_options(app, settings);
  CLI11_PARSE(app, argc, argv);
  xcp::begin_service();
  umask(0027);
  try {
    xcp::xapi::Toolstack toolstack(settings);
    if (!toolstack.https_refusal().empty())
      sd_notifyf(0, "STATUS=no HTTPS, only %s: %s", settings.socket.c_str(),
                 toolstack.https_refusal().c_str());
    sd_notify(0, "READY=1");
    const int signal = xcp::wait_for_end_of_service();
    spdlog::info("ended by signal {}", signal);
    sd_notify(0, "STOPPING=1");
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return 1;
  }
  return 0;
}
