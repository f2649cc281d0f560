// SPDX-License-Identifier: GPL-2.0-or-later
// Command line of xcp-hypervisord.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "hypervisor/daemon/daemon.hpp"

namespace {

// Standard error; the journal knows the time by itself.
void set_up_log() {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("xcp-hypervisord"));
  if (std::getenv("JOURNAL_STREAM") != nullptr) spdlog::set_pattern("%l: %v");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace xcp::hypervisor;
  DaemonSettings settings;
  settings.module_directory = XCP_DRIVER_DIR;
  settings.driver_settings.state_dir = "/var/lib/xcp/hypervisor";
  DriverSettings& driver = settings.driver_settings;
  std::vector<std::string> options;

  CLI::App app("Builds, runs, saves and moves virtual machines for xapi, on one hypervisor driver.",
               "xcp-hypervisord");
  app.set_config("--config", "/etc/xcp/hypervisord.conf",
                 "file of the same options, one \"name=value\" a line, read when it is there");
  app.add_option("--socket", settings.socket, "where to serve")->capture_default_str();
  app.add_option("--group", settings.group, "besides root, the group that may call")
      ->capture_default_str();
  app.add_option("--driver", settings.driver,
                 "name of a driver module, or its path; auto: what this host runs under")
      ->capture_default_str();
  app.add_option("--module-dir", settings.module_directory, "where driver modules lie")
      ->capture_default_str();
  app.add_option("--state-dir", driver.state_dir, "what the driver keeps over restarts")
      ->capture_default_str();
  app.add_option("--uri", driver.uri, "libvirt: qemu:///system, or qemu:///embed?root=DIR");
  app.add_option("--acceleration", driver.emulator_acceleration, "auto, tcg or kvm")
      ->transform(
          CLI::Transformer(std::map<std::string, Acceleration>{{"auto", Acceleration::automatic},
                                                               {"tcg", Acceleration::tcg},
                                                               {"kvm", Acceleration::kvm}}));
  app.add_option("--option", options, "KEY=VALUE for the driver; may be given again");
  CLI11_PARSE(app, argc, argv);
  set_up_log();
  for (const std::string& option : options) {
    const auto equals = option.find('=');
    if (equals == std::string::npos) {
      spdlog::error("--option {}: expected KEY=VALUE", option);
      return 2;
    }
    driver.options[option.substr(0, equals)] = option.substr(equals + 1);
  }
  try {
    serve(settings);
  } catch (const std::exception& error) {
    spdlog::error("cannot start: {}", error.what());
    return 1;
  }
  return 0;
}
