// SPDX-License-Identifier: GPL-2.0-or-later
// Calls on hosts: time, memory, being enabled, certificate, plugins.
#include <ctime>

#include "xapi/context.hpp"
#include "xapi/handlers/host.gen.hpp"
#include "xapi/http/certificate.hpp"

namespace xcp::xapi {

using model::host;
using model::PIF;
using model::VM;

namespace {

// There is one host here; a reference to another one is stale.
void check_self(Context& context, const Ref<host>& ref) {
  context.view().get(ref);
}

}  // namespace

void host_enable(Context& context, Ref<host> self) {
  context.commit([&](db::Transaction& change) { change.set(self, host::enabled, true); });
}

void host_disable(Context& context, Ref<host> self, bool) {
  context.commit([&](db::Transaction& change) { change.set(self, host::enabled, false); });
}

model::DateTime host_get_servertime(Context& context, Ref<host> self) {
  check_self(context, self);
  return model::now();
}

model::DateTime host_get_server_localtime(Context& context, Ref<host> self) {
  check_self(context, self);
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return {static_cast<std::int64_t>(now) + local.tm_gmtoff};
}

std::int64_t host_compute_free_memory(Context& context, Ref<host> self) {
  check_self(context, self);
  return context.services().hypervisor.host().memory_free_bytes;
}

std::int64_t host_compute_memory_overhead(Context& context, Ref<host> self) {
  return context.view().get(self)[host::memory_overhead];
}

std::vector<std::string> host_list_methods(Context&) {
  std::vector<std::string> names;
  for (const model::ClassDesc& desc : model::classes())
    for (const model::MessageDesc& message : desc.messages)
      if (message.state != model::Lifecycle::Removed)
        names.push_back(std::string(desc.name) + "." + std::string(message.name));
  return names;
}

std::string host_get_server_certificate(Context& context, Ref<host> self) {
  check_self(context, self);
  return http::read_certificate(context.services().settings.state_dir + "/server.pem").pem;
}

Ref<PIF> host_get_management_interface(Context& context, Ref<host> self) {
  const db::Snapshot view = context.view();
  for (const Ref<PIF>& ref : view.get(self)[host::PIFs])
    if (view.get(ref)[PIF::management]) return ref;
  throw Failure("PIF_HAS_NO_NETWORK_CONFIGURATION", {""});
}

bool host_has_extension(Context& context, Ref<host> self, std::string) {
  check_self(context, self);
  return false;  // no extensions are installed by this package
}

std::string host_call_plugin(Context& context, Ref<host> self, std::string plugin, std::string,
                             std::map<std::string, std::string>) {
  check_self(context, self);
  throw Failure("XENAPI_MISSING_PLUGIN", {plugin});
}

std::map<Ref<VM>, std::vector<std::string>> host_get_vms_which_prevent_evacuation(Context& context,
                                                                                  Ref<host> self) {
  // A pool of one host has nowhere to move its guests.
  const db::Snapshot view = context.view();
  std::map<Ref<VM>, std::vector<std::string>> reasons;
  for (const Ref<VM>& vm : view.get(self)[host::resident_VMs])
    if (!view.get(vm)[VM::is_control_domain]) reasons[vm] = {"NO_HOSTS_AVAILABLE"};
  return reasons;
}

}  // namespace xcp::xapi
