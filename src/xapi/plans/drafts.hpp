// SPDX-License-Identifier: GPL-2.0-or-later
// Disks of operations that did not come to their end. The uuid of a disk is noted in its SR
// (SR.drafts, on disk) before the storage is asked to make it, and leaves it in the commit that
// records the disk; what is noted there and belongs to no running operation is removed.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "xapi/context.hpp"

namespace xcp::xapi {

struct Draft {
  Ref<model::SR> sr;
  std::string vdi;  // uuid
};

// For the time of an operation.
class Drafts {
 public:
  // Returns when they are noted.
  Drafts(Context& context, std::vector<Draft> drafts);
  ~Drafts();
  Drafts(const Drafts&) = delete;
  Drafts& operator=(const Drafts&) = delete;

 private:
  Services& services_;
  const std::vector<Draft> drafts_;
};

// The disk is recorded, or there is none.
void forget_draft(db::Transaction& change, const Ref<model::SR>& sr, const std::string& vdi);

// Removes the disks of operations that have died. `missing`: since when those were not found that
// are still looked for, because the storage may not have read the dead caller's request yet. False:
// some are left; to be tried again.
using Missing = std::map<std::string, std::chrono::steady_clock::time_point>;
bool remove_dead_drafts(Services& services, Missing& missing);

}  // namespace xcp::xapi
