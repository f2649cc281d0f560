// SPDX-License-Identifier: GPL-2.0-or-later
// See disk_plans.hpp.
#include "xapi/plans/disk_plans.hpp"

#include "base/failure.hpp"
#include "xapi/plans/transfer_watch.hpp"

namespace xcp::xapi {

bool destroy_if_there(sm::Storage& storage, const std::string& sr_uuid,
                      const std::string& vdi_uuid) {
  try {
    storage.vdi_destroy(sr_uuid, vdi_uuid);
    return true;
  } catch (const Failure& failure) {
    if (failure.code() != "VDI_MISSING") throw;
    return false;
  }
}

sm::VdiInfo with_disk_progress(Context& context, const std::string& vdi_uuid,
                               const std::function<void(double)>& progress,
                               const std::function<sm::VdiInfo()>& call) {
  const TransferWatch watch(context.services().storage, vdi_uuid, progress,
                            [&context] { return context.cancelled(); });
  return call();
}

}  // namespace xcp::xapi
