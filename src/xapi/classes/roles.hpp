// SPDX-License-Identifier: GPL-2.0-or-later
// Roles as objects. The role rows carry the names of the data model's roles; a permission is the
// name of a message ("vm.start") and belongs to a role when its row lets that role in.
#pragma once

#include "xapi/context.hpp"

namespace xcp::xapi {

// Makes the rows of roles that are not there yet.
void ensure_roles(db::Store& store);

// The bit of that role in a RoleMask; 0 for an unknown one.
model::RoleMask role_bit(const db::Snapshot& view, const Ref<model::role>& role);

// Names of everything a mask of roles may call, lower case.
std::vector<std::string> permissions(model::RoleMask roles);

}  // namespace xcp::xapi
