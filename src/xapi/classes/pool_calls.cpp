// SPDX-License-Identifier: GPL-2.0-or-later
// Calls on the pool, which has one host here.
#include "xapi/context.hpp"
#include "xapi/handlers/pool.gen.hpp"

namespace xcp::xapi {

using model::host;

void pool_sync_database(Context& context) {
  // Nobody else has a copy; what remains of the promise is that everything so far is on disk.
  context.commit([&](db::Transaction& change) {
    change.touch(model::pool::index, context.services().pool.str());
  });
}

void pool_designate_new_master(Context& context, Ref<host> self) {
  if (self == context.host()) return;
  context.view().get(self);
  throw Failure("HOST_OFFLINE", {self.str()});
}

bool pool_is_slave(Context& context, Ref<host> self) {
  context.view().get(self);
  return false;
}

bool pool_has_extension(Context& context, Ref<model::pool> self, std::string) {
  context.view().get(self);
  return false;
}

}  // namespace xcp::xapi
