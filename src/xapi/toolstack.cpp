// SPDX-License-Identifier: GPL-2.0-or-later
// The order of members is the order of life: what is used by a part stands before it.
#include "xapi/toolstack.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "authd/client.hpp"
#include "hypervisor/client.hpp"
#include "ovs-integration/client.hpp"
#include "sm/client.hpp"
#include "xapi/dispatch.hpp"
#include "xapi/events.hpp"
#include "xapi/front.hpp"
#include "xapi/host.hpp"
#include "xapi/http/certificate.hpp"
#include "xapi/http/server.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/reconcile.hpp"
#include "xapi/tasks.hpp"
#include "xapi/workers.hpp"

namespace xcp::xapi {

namespace {

db::StoreSettings store_settings(const Settings& settings) {
  if (mkdir(settings.state_dir.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_failure("cannot make " + settings.state_dir, errno);
  db::StoreSettings out;
  out.path = settings.state_dir + "/xapi.db";
  out.derive = derive_allowed_operations;
  return out;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

// A store whose running operations are forgotten: there are none yet.
struct FreshStore : db::Store {
  explicit FreshStore(const Settings& settings) : db::Store(store_settings(settings)) {
    reset_operations(*this);
  }
};

}  // namespace

struct Toolstack::Parts {
  explicit Parts(const Settings& wanted)
      : settings(wanted),
        hypervisor(hypervisor::make_client(settings.hypervisor_socket)),
        domain_events(settings.hypervisor_socket),
        storage(sm::make_client(settings.storage_socket)),
        network(network::make_client(settings.network_socket)),
        auth(auth::make_client(settings.auth_socket)),
        store(settings),
        refs(ensure_host(store, settings)),
        sessions(store, refs.host),
        tasks(store, refs.host),
        events(store, sessions),
        queries({settings.workers}),
        operations({settings.operations, 4096, 65536}),
        reconciler([this](std::function<void()> work) { start_operation(std::move(work)); }),
        services{settings, store,    sessions, tasks,      events,    *hypervisor,
                 *storage, *network, *auth,    reconciler, refs.host, refs.pool},
        dispatcher(services,
                   [this](std::function<void()> work) { start_operation(std::move(work)); }),
        front(services, dispatcher, queries, operations),
        server({}, &Front::body_policy,
               [this](std::shared_ptr<http::Exchange> exchange) { front.handle(exchange); }) {}

  void start_operation(std::function<void()> work) {
    if (!operations.submit("internal", Priority::Lifecycle, std::move(work)))
      throw Failure("TOO_MANY_PENDING_TASKS");
  }

  void listen() {
    server.listen_unix(settings.socket, 0660, settings.group);
    if (settings.listen_address.empty()) return;
    const std::string certificate = settings.state_dir + "/server.pem";
    http::ensure_certificate(certificate, {host_name(), "localhost", "127.0.0.1", "::1"});
    server.set_certificate(certificate);
    try {
      server.listen_tcp(settings.listen_address, static_cast<std::uint16_t>(settings.https_port),
                        true);
    } catch (const Failure& failure) {
      https_refusal = failure.params().empty() ? failure.code() : failure.params().front();
      spdlog::error("HTTPS is not served, only {}: {}", settings.socket, https_refusal);
    }
  }

  Settings settings;
  std::string https_refusal;
  std::unique_ptr<hypervisor::Hypervisor> hypervisor;
  hypervisor::EventClient domain_events;
  std::unique_ptr<sm::Storage> storage;
  std::unique_ptr<network::Network> network;
  std::unique_ptr<auth::Auth> auth;
  FreshStore store;
  HostRefs refs;
  Sessions sessions;
  Tasks tasks;
  EventHub events;
  Workers queries;
  Workers operations;
  Reconciler reconciler;
  Services services;
  Dispatcher dispatcher;
  Front front;
  HostFacts facts;
  http::Server server;
};

Toolstack::Toolstack(const Settings& settings) : parts_(std::make_unique<Parts>(settings)) {
  load_templates(parts_->store, parts_->settings.templates_dir);
  parts_->listen();
  parts_->facts.begin(parts_->services);
  parts_->facts.wait_for_first(std::chrono::milliseconds(500));
  parts_->reconciler.begin(
      parts_->services,
      [&source = parts_->domain_events](const auto&... position) {
        return source.events(position...);
      },
      [&source = parts_->domain_events] { source.stop(); });
  parts_->server.start();
  spdlog::info("serving XenAPI on {}", parts_->settings.socket);
}

const std::string& Toolstack::https_refusal() const {
  return parts_->https_refusal;
}

Toolstack::~Toolstack() {
  parts_->server.stop();
  parts_->reconciler.stop();
  parts_->facts.stop();
}

}  // namespace xcp::xapi
