// SPDX-License-Identifier: GPL-2.0-or-later
// See daemon.hpp.
#include "hypervisor/daemon/daemon.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>

#include "base/fd.hpp"
#include "base/rpc.hpp"
#include "base/service.hpp"

namespace xcp::hypervisor {

namespace {

// Under Xen, the domain that may command the hypervisor.
bool commands_xen() {
  return read_file("/proc/xen/capabilities").value_or("").find("control_d") != std::string::npos;
}

// A waiting call of events() would hold up the daemon's end for as long as its caller chose: it
// waits in slices.
rpc::Method interruptible_events(Hypervisor& driver, const std::atomic<bool>& ending) {
  return [&driver, &ending](const json::array& params, FdTable& fds) -> json::value {
    using std::chrono::milliseconds;
    if (params.size() != 3) rpc::detail::wrong_parameter_count("events", 3, params.size());
    const auto epoch = from_json<std::string>(params[0]);
    const auto after = from_json<std::uint64_t>(params[1]);
    const auto end = std::chrono::steady_clock::now() + from_json<milliseconds>(params[2]);
    for (;;) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
      EventBatch batch =
          driver.events(epoch, after, std::clamp(left, milliseconds(0), milliseconds(500)));
      if (!batch.events.empty() || left.count() <= 0 || ending) return to_json(batch, &fds);
    }
  };
}

// One part of XenControls, as "xen.<method>"; without an implementation each method says so.
template <class Part>
void add_xen(rpc::Methods& methods, Part* part) {
  using namespace boost::describe;
  boost::mp11::mp_for_each<describe_members<Part, mod_public | mod_function>>([&](auto member) {
    const std::string name = std::string("xen.") + member.name;
    methods[name] = [name](const json::array&, FdTable&) -> json::value {
      throw Failure("NOT_IMPLEMENTED", {name});
    };
  });
  if (part == nullptr) return;
  for (auto& [name, method] : rpc::methods_of<Part>(*part))
    methods["xen." + name] = std::move(method);
}

// They reach domains of others and the hypervisor itself.
rpc::Methods xen_methods(XenControls* controls) {
  rpc::Methods methods;
  add_xen<XenDomains>(methods, controls);
  add_xen<XenMachine>(methods, controls);
  add_xen<XenCpuPools>(methods, controls);
  add_xen<XenDevices>(methods, controls);
  add_xen<XenPsr>(methods, controls);
  return methods;
}

}  // namespace

void serve(const DaemonSettings& settings) {
  begin_service();
  umask(0077);

  const std::string name = settings.driver != "auto" ? settings.driver
                           : commands_xen()          ? "libxl"
                                                     : "libvirt";
  const auto driver = load_driver(name, settings.module_directory, settings.driver_settings);
  const auto xen = load_xen_controls(name, settings.module_directory, *driver);

  std::atomic<bool> ending{false};
  rpc::Methods methods = rpc::methods_of<Hypervisor>(*driver);
  methods["events"] = interruptible_events(*driver, ending);
  std::filesystem::create_directories(std::filesystem::path(settings.socket).parent_path());
  {
    rpc::Server server(listen_unix(settings.socket, 0660, settings.group), std::move(methods),
                       settings.group, xen_methods(xen.get()));
    sd_notify(0, "READY=1");
    // Not before: the first look at a newly installed QEMU takes seconds.
    spdlog::info("driver {} ({}) serves on {}", name, driver->host().hypervisor, settings.socket);
    const int signal_number = wait_for_end_of_service();
    spdlog::info("{}: ending, guests run on", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
    sd_notify(0, "STOPPING=1");
    ending = true;
  }
}

}  // namespace xcp::hypervisor
