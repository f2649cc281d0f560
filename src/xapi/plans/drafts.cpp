// SPDX-License-Identifier: GPL-2.0-or-later
// See drafts.hpp.
#include "xapi/plans/drafts.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "xapi/operations/operations.hpp"
#include "xapi/plans/disk_plans.hpp"
#include "xapi/plans/storage_plans.hpp"
#include "xapi/reconcile.hpp"

namespace xcp::xapi {

using model::SR;
using model::VDI;
using model::VM;

namespace {

// An operation is making it, or has died while it did.
bool is_draft(const db::Object<SR>& sr, const std::string& vdi) {
  const auto noted = sr[SR::drafts];
  return std::find(noted.begin(), noted.end(), vdi) != noted.end();
}

bool is_there(sm::Storage& storage, const std::string& sr, const std::string& vdi) {
  try {
    storage.vdi_source(sr, vdi);
    return true;
  } catch (const Failure& failure) {
    return failure.code() != "VDI_MISSING";
  }
}

void forget(db::Store& store, const Ref<SR>& sr, const std::string& vdi) {
  store.commit([&](db::Transaction& change) { forget_draft(change, sr, vdi); });
}

// In this order: an operation that has just ended has recorded its disk before.
bool is_dead(Services& services, const Ref<SR>& sr, const std::string& vdi) {
  if (services.reconciler.has_draft(vdi)) return false;
  const auto now = services.store.snapshot().find(sr);
  return now && is_draft(*now, vdi);
}

// It may have been a branch of a disk that a guest writes to: the guest has to be told which image
// is the disk's now.
void look_at_writers(Services& services, const db::Object<SR>& sr) {
  const db::Snapshot view = services.store.snapshot();
  for (const Ref<VDI>& disk : sr[SR::VDIs])
    for (const Ref<VM>& vm : possible_writers(view, disk))
      services.reconciler.poke(view.get(vm)[VM::uuid]);
}

// False when there was none.
bool destroy(sm::Storage& storage, const std::string& sr, const std::string& vdi) {
  try {
    storage.cancel(vdi);
  } catch (const Failure& failure) {
    if (failure.code() != "VDI_MISSING") throw;  // nobody is making it
  }
  return destroy_if_there(storage, sr, vdi);
}

bool remove_dead(Services& services, const db::Object<SR>& sr, const std::string& vdi,
                 Missing& missing) {
  constexpr std::chrono::seconds looked_for{2};
  try {
    if (!destroy(services.storage, sr[SR::uuid], vdi)) {
      const auto now = std::chrono::steady_clock::now();
      if (now - missing.try_emplace(vdi, now).first->second < looked_for) return false;
    }
    missing.erase(vdi);
    forget(services.store, sr.ref(), vdi);
    look_at_writers(services, sr);
    spdlog::info("disk {} was being made when its operation ended; removed", vdi);
    return true;
  } catch (const Failure& failure) {
    spdlog::debug("disk {} of a dead operation is still there: {}", vdi, failure.what());
    return false;
  }
}

}  // namespace

Drafts::Drafts(Context& context, std::vector<Draft> drafts)
    : services_(context.services()), drafts_(std::move(drafts)) {
  if (drafts_.empty()) return;
  for (const Draft& draft : drafts_) services_.reconciler.add_draft(draft.vdi);
  try {
    context.commit([&](db::Transaction& change) {
      for (const Draft& draft : drafts_) {
        auto noted = change.get(draft.sr)[SR::drafts];
        noted.push_back(draft.vdi);
        change.set(draft.sr, SR::drafts, noted);
      }
    });
  } catch (...) {
    for (const Draft& draft : drafts_) services_.reconciler.remove_draft(draft.vdi);
    throw;
  }
}

Drafts::~Drafts() {
  bool left = false;
  for (const Draft& draft : drafts_) {
    try {
      const auto sr = services_.store.snapshot().find(draft.sr);
      if (sr && is_draft(*sr, draft.vdi)) {
        if (is_there(services_.storage, (*sr)[SR::uuid], draft.vdi))
          left = true;
        else
          forget(services_.store, draft.sr, draft.vdi);
      }
    } catch (const std::exception&) {
      left = true;
    }
    services_.reconciler.remove_draft(draft.vdi);
  }
  if (left) services_.reconciler.poke("");
}

void forget_draft(db::Transaction& change, const Ref<SR>& sr, const std::string& vdi) {
  const auto object = change.find(sr);
  if (!object || !is_draft(*object, vdi)) return;
  auto noted = (*object)[SR::drafts];
  std::erase(noted, vdi);
  change.set(sr, SR::drafts, noted);
}

bool remove_dead_drafts(Services& services, Missing& missing) {
  // In this order: a disk that is closed was recorded before.
  const auto paths = services.storage.data_paths();
  const db::Snapshot view = services.store.snapshot();
  const auto is_open = [&](const std::string& vdi) {
    return std::any_of(paths.begin(), paths.end(),
                       [&](const sm::DataPath& path) { return path.vdi == vdi; });
  };
  bool all = true;
  for (const db::Object<SR>& sr : view.all<SR>()) {
    if (!is_plugged(view, sr)) continue;  // looked at when it is
    for (const std::string& vdi : sr[SR::drafts])
      if (is_dead(services, sr.ref(), vdi))
        all = !is_open(vdi) && remove_dead(services, sr, vdi, missing) && all;
  }
  return all;
}

}  // namespace xcp::xapi
