// SPDX-License-Identifier: GPL-2.0-or-later
// xcp-authd: answers whether a user name and a password belong together. Started by its socket
// unit on an installed host (the socket is inherited), or with --socket.
#include <fmt/core.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

#include "authd/checkers.hpp"
#include "authd/server.hpp"
#include "base/failure.hpp"

namespace {

struct Settings {
  std::string socket;
  std::string password_file;
  std::string service = "xapi";
  std::string group = "xapi";
  int idle_exit_seconds = 0;
};

std::optional<int> parse(int argc, char** argv, Settings& settings) {
  CLI::App app("Tells xapi whether a user name and a password belong together.", "xcp-authd");
  app.add_option("--socket", settings.socket,
                 "unix socket to listen on; not needed when a socket is inherited");
  app.add_option("--password-file", settings.password_file,
                 "ask this file (lines user:password, mode 0600) instead of PAM");
  app.add_option("--pam-service", settings.service, "PAM service to ask")->capture_default_str();
  app.add_option("--group", settings.group, "group, by name or number, whose members may ask")
      ->capture_default_str();
  app.add_option("--idle-exit", settings.idle_exit_seconds,
                 "end after this many seconds without a question (0: never)")
      ->check(CLI::Range(0, 86400));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

xcp::UniqueFd open_listener(const Settings& settings) {
  const int inherited = sd_listen_fds(1);
  if (inherited == 1) return xcp::UniqueFd(SD_LISTEN_FDS_START);
  if (inherited > 1) throw xcp::internal_error("more than one socket was inherited");
  if (settings.socket.empty())
    throw xcp::internal_error("no socket inherited and no --socket given");
  return xcp::listen_unix(settings.socket, 0660, settings.group);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse(argc, argv, settings)) return *status;
  try {
    const xcp::UniqueFd listener = open_listener(settings);
    std::unique_ptr<xcp::auth::Auth> checker;
    if (settings.password_file.empty())
      checker = std::make_unique<xcp::auth::PamChecker>(settings.service);
    else
      checker = std::make_unique<xcp::auth::PasswordFile>(settings.password_file);
    xcp::auth::ServerLimits limits;
    limits.idle_exit = std::chrono::seconds(settings.idle_exit_seconds);
    sd_notify(0, "READY=1");
    xcp::auth::serve(listener, *checker, settings.group, limits);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "xcp-authd: {}\n", error.what());
    return 1;
  }
}
