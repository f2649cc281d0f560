// SPDX-License-Identifier: GPL-2.0-or-later
// xapi: the toolstack's process. Reads its options, puts the parts together, waits for the end.
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <csignal>

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

int wait_for_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

// All threads are to inherit this: the main thread alone waits for signals.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

// Rows live long and are made by whichever of many threads serves the call: with an arena for each
// thread, every arena would keep pages for the few rows left in it.
void share_memory_between_threads() {
  mallopt(M_ARENA_MAX, 2);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The XenAPI toolstack: serves XenAPI over HTTPS and a unix socket."};
  app.set_version_flag("--version", XCP_VERSION);
  xcp::xapi::Settings settings = default_settings();
  add_options(app, settings);
  CLI11_PARSE(app, argc, argv);
  share_memory_between_threads();
  block_signals();
  umask(0027);
  try {
    xcp::xapi::Toolstack toolstack(settings);
    if (!toolstack.https_refusal().empty())
      sd_notifyf(0, "STATUS=no HTTPS, only %s: %s", settings.socket.c_str(),
                 toolstack.https_refusal().c_str());
    sd_notify(0, "READY=1");
    const int signal = wait_for_signal();
    spdlog::info("ended by signal {}", signal);
    sd_notify(0, "STOPPING=1");
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return 1;
  }
  return 0;
}
