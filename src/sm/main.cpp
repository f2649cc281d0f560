// SPDX-License-Identifier: GPL-2.0-or-later
// xcp-storaged: the storage contract on a unix socket. It may be killed and started again at any
// moment: guests go on using their disks, which stay where they are.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "base/failure.hpp"
#include "base/fd.hpp"
#include "base/rpc.hpp"
#include "base/service.hpp"
#include "sm/local_storage.hpp"

namespace {

constexpr auto patience_at_the_end = std::chrono::seconds(10);

struct Options {
  std::string socket = "/run/xcp/storage.sock";
  std::string state_dir = "/var/lib/xcp";
  std::string image_dir = "/var/lib/xcp/images";
  std::string group = "xapi";
};

std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app("Keeps storage repositories and virtual disks for xapi.", "xcp-storaged");
  app.add_option("--socket", options.socket, "unix socket to listen on")->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "where plugged repositories are remembered")
      ->capture_default_str();
  app.add_option("--image-dir", options.image_dir, "ready-made images that can fill new disks")
      ->capture_default_str();
  app.add_option("--group", options.group, "group, by name or number, whose members may call")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

// Failures go to the caller; the log keeps those that tell of trouble here.
xcp::rpc::Methods logged(xcp::rpc::Methods methods) {
  for (auto& [name, method] : methods) {
    method = [name = name, call = std::move(method)](const xcp::json::array& params,
                                                     xcp::FdTable& fds) {
      try {
        return call(params, fds);
      } catch (const xcp::Failure& failure) {
        const bool ours =
            failure.code() == "INTERNAL_ERROR" || failure.code().starts_with("SR_BACKEND_FAILURE");
        spdlog::log(ours ? spdlog::level::warn : spdlog::level::info, "{}: {}", name,
                    failure.what());
        throw;
      }
    };
  }
  return methods;
}

// Storage that hangs must not keep the daemon from ending; whatever is unfinished is removed when
// its repository is plugged again.
void end_anyway_after(std::chrono::seconds patience) {
  std::thread([patience] {
    std::this_thread::sleep_for(patience);
    spdlog::warn("calls are still running after {} s; ending without them", patience.count());
    _exit(0);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse(argc, argv, options)) return *status;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("xcp-storaged"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
  xcp::begin_service();
  umask(0022);
  try {
    xcp::sm::Settings settings{options.state_dir, options.image_dir,
                               [](const std::string& text) { spdlog::warn("{}", text); }};
    const auto storage = xcp::sm::make_local_storage(std::move(settings));
    xcp::sm::Storage& contract = *storage;
    auto server =
        std::make_unique<xcp::rpc::Server>(xcp::listen_unix(options.socket, 0660, options.group),
                                           logged(xcp::rpc::methods_of(contract)), options.group);
    spdlog::info("listening on {}", options.socket);
    sd_notify(0, "READY=1");
    const int signal = xcp::wait_for_end_of_service();
    spdlog::info("ending on signal {}", signal);
    sd_notify(0, "STOPPING=1");
    end_anyway_after(patience_at_the_end);
    storage->stop();
    server.reset();
    return 0;
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());
    return 1;
  }
}
