// SPDX-License-Identifier: GPL-2.0-or-later
// How this host reaches an SR.
#pragma once

#include "xapi/context.hpp"

namespace xcp::xapi {

// HANDLE_INVALID for no host at all, HOST_OFFLINE for another one.
void check_this_host(Context& context, const Ref<model::host>& host);

std::optional<db::Object<model::PBD>> pbd_of(const db::Snapshot& view,
                                             const db::Object<model::SR>& sr,
                                             const Ref<model::host>& host);

// An unplugged PBD.
model::RecordValue pbd_record(const Ref<model::host>& host, const Ref<model::SR>& sr,
                              const std::map<std::string, std::string>& device_config);

}  // namespace xcp::xapi
