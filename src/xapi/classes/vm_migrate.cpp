// SPDX-License-Identifier: GPL-2.0-or-later
// VM.pool_migrate. As long as a pool has one host, that is a VM's own: the guest gets a new domain
// beside its old one, which is how an administrator tries whether it can be moved at all.
#include "xapi/classes/vm_lifecycle.hpp"
#include "xapi/classes/vm_state.hpp"
#include "xapi/handlers/vm.gen.hpp"
#include "xapi/operations/operations.hpp"
#include "xapi/plans/migrate_plan.hpp"

namespace xcp::xapi {

using model::VM;

namespace {

bool flag(const std::map<std::string, std::string>& options, const std::string& name,
          bool otherwise) {
  const auto found = options.find(name);
  if (found == options.end()) return otherwise;
  if (found->second == "true") return true;
  if (found->second == "false") return false;
  throw Failure("INVALID_VALUE", {"options:" + name, found->second});
}

}  // namespace

void vm_pool_migrate(Context& context, Ref<VM> vm, Ref<model::host> host,
                     std::map<std::string, std::string> options) {
  context.view().get(host);
  check_host(context, host);
  const bool live = flag(options, "live", true);
  const OperationLock lock(context, vm, model::VmOperations::PoolMigrate);
  const db::Snapshot view = context.view();
  auto started = std::make_shared<Started>();
  try {
    context.run(migrate_plan(context.services(), view.get(vm), live, started),
                [&](db::Transaction& change) {
                  record_started(change, context.services(), vm, started->domain);
                });
  } catch (const Failure& failure) {
    if (failure.code() != "INTERNAL_ERROR") throw;
    const std::string source = view.get(vm)[VM::resident_on].str();
    throw Failure("VM_MIGRATE_FAILED", {vm.str(), source, host.str(),
                                        failure.params().empty() ? "" : failure.params()[0]});
  }
  context.tidy(activate_plan(context.services(), view, view.get(vm)));
}

}  // namespace xcp::xapi
