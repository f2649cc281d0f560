// SPDX-License-Identifier: GPL-2.0-or-later
// See migrate_plan.hpp.
#include "xapi/plans/migrate_plan.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <future>

#include "base/failure.hpp"

namespace xcp::xapi {

using model::VIF;
using model::VM;

namespace {

// Both ends are calls on the one daemon, with a connection between them that is theirs alone.
void move_to_itself(hypervisor::Hypervisor& hypervisor, const std::string& uuid, bool live) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_failure("socketpair", errno);
  UniqueFd sender(ends[0]);
  auto received =
      std::async(std::launch::async, [&hypervisor, receiver = UniqueFd(ends[1])]() mutable {
        hypervisor.migrate_receive(std::move(receiver), {});
      });
  hypervisor.migrate_send(uuid, std::move(sender), {live});
  received.get();
}

}  // namespace

Plan migrate_plan(Services& services, const db::Object<VM>& vm, bool live, StartedPtr started) {
  Plan plan("VM.pool_migrate");
  plan.step("migrate domain", 10, [&services, uuid = vm[VM::uuid], live, started] {
    const auto before = services.hypervisor.domain(uuid);
    if (!before) throw Failure("DOMAIN_NOT_FOUND", {uuid});
    try {
      move_to_itself(services.hypervisor, uuid, live);
      started->domain = services.hypervisor.domain(uuid).value_or(*before);
    } catch (const Failure&) {
      // Only the answer was lost when it is another domain by now.
      const auto after = services.hypervisor.domain(uuid);
      if (!after || after->domid == before->domid) throw;
      started->domain = *after;
    }
  });
  return plan;
}

Plan activate_plan(Services& services, const db::Snapshot& view, const db::Object<VM>& vm) {
  Plan plan("VM.activate_ports");
  for (const Ref<VIF>& ref : vm[VM::VIFs]) {
    const auto vif = view.get(ref);
    if (!vif[VIF::currently_attached]) continue;
    plan.step("activate port " + vif[VIF::device], 1,
              [&services, port = vif[VIF::uuid]] { services.network.activate_port(port); });
  }
  return plan;
}

}  // namespace xcp::xapi
