// SPDX-License-Identifier: GPL-2.0-or-later
// What a handler is given: the services of the host and the call it serves. A Context lives for one
// call, on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "authd/auth.hpp"
#include "base/plan.hpp"
#include "datamodel/errors.gen.hpp"
#include "datamodel/model.gen.hpp"
#include "hypervisor/hypervisor.hpp"
#include "ovs-integration/network.hpp"
#include "sm/storage.hpp"
#include "xapi/call.hpp"
#include "xapi/db/store.hpp"
#include "xapi/sessions.hpp"

namespace xcp::xapi {

class Tasks;
class EventHub;
class Reconciler;

// Set once at start-up.
struct Settings {
  std::string state_dir;
  std::string socket;          // of the API
  std::string listen_address;  // empty: no TCP
  int https_port = 443;
  std::string hypervisor_socket;
  std::string storage_socket;
  std::string network_socket;
  std::string auth_socket;
  std::string templates_dir;
  std::string kernel_dir;      // where PV_kernel and PV_ramdisk may lie
  std::string group = "xapi";  // may use the unix socket
  unsigned workers = 16;       // threads for quick calls
  unsigned operations = 48;    // threads for long operations
};

// The daemons and the parts of this process, alive as long as any call.
struct Services {
  const Settings& settings;
  db::Store& store;
  Sessions& sessions;
  Tasks& tasks;
  EventHub& events;
  hypervisor::Hypervisor& hypervisor;
  sm::Storage& storage;
  network::Network& network;
  auth::Auth& auth;
  Reconciler& reconciler;
  Ref<model::host> host;  // this host
  Ref<model::pool> pool;
};

class Context {
 public:
  Context(Services& services, Session session, Caller caller, Ref<model::task> task = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Services& services() { return services_; }
  db::Store& store() { return services_.store; }
  const Session& session() const { return session_; }
  const Caller& caller() const { return caller_; }
  const Ref<model::host>& host() const { return services_.host; }

  // The state now; keep the result for the length of a decision.
  db::Snapshot view() const { return services_.store.snapshot(); }

  std::uint64_t commit(const std::function<void(db::Transaction&)>& change) {
    return services_.store.commit(change);
  }

  // The task of this call; an asynchronous call has one, for others it is made on first use and
  // destroyed with the context.
  const Ref<model::task>& task();
  bool cancelled() const;

  // Runs a plan with this call's task: progress, cancellation, roll-back, and the fault points of
  // the tests. TASK_CANCELLED names the task.
  void run(const Plan& plan);

  // The same, with one commit as its last step "record", which is not cancelled any more: when the
  // store refuses it, everything is undone.
  void run(const Plan& plan, const std::function<void(db::Transaction&)>& record);

  // The call is answered later: after the handler has returned, `later` is given the call's Done,
  // which may be called from any thread. What the handler returns is not used.
  void answer_later(std::function<void(Done)> later) { later_ = std::move(later); }
  const std::function<void(Done)>& later() const { return later_; }

  // What only tidies up after something that cannot be taken back: a failure is logged and what is
  // left behind is left to reconcile.
  void tidy(const Plan& plan, const std::function<void(db::Transaction&)>& record = {});

 private:
  void run_steps(const Plan& plan, std::size_t cancellable);

  Services& services_;
  Session session_;
  Caller caller_;
  std::function<void(Done)> later_;
  Ref<model::task> task_;
  bool own_task_ = false;
};

// A record of class C with nothing in it; what is not set takes its default.
template <class C>
model::RecordValue empty_record() {
  return {C::index, std::vector<model::Value>(model::classes()[C::index].fields.size())};
}

}  // namespace xcp::xapi
