// SPDX-License-Identifier: GPL-2.0-or-later
// See disk_plans.hpp.
#include "xapi/plans/disk_plans.hpp"

#include <chrono>
#include <future>

namespace xcp::xapi {

namespace {

constexpr std::chrono::milliseconds poll_interval{250};

}  // namespace

void destroy_if_there(sm::Storage& storage, const std::string& sr_uuid,
                      const std::string& vdi_uuid) {
  for (const sm::VdiInfo& info : storage.sr_scan(sr_uuid))
    if (info.uuid == vdi_uuid) storage.vdi_destroy(sr_uuid, vdi_uuid);
}

sm::VdiInfo with_disk_progress(Context& context, const std::string& vdi_uuid,
                               const std::function<void(double)>& progress,
                               const std::function<sm::VdiInfo()>& call) {
  auto result = std::async(std::launch::async, call);
  bool cancelled = false;
  while (result.wait_for(poll_interval) == std::future_status::timeout) {
    if (!cancelled && context.cancelled()) {
      context.services().storage.cancel(vdi_uuid);
      cancelled = true;
    }
    progress(context.services().storage.progress(vdi_uuid));
  }
  return result.get();
}

}  // namespace xcp::xapi
