// SPDX-License-Identifier: GPL-2.0-or-later
// Opening, finding and ending sessions.
#include "xapi/sessions.hpp"

#include "base/failure.hpp"

namespace xcp::xapi {

namespace {

constexpr std::size_t per_user_limit = 500;
constexpr std::chrono::hours idle_limit{24};

}  // namespace

Session Sessions::open(Session session, Ref<model::subject> subject) {
  using S = model::session;
  std::optional<Ref<S>> oldest;
  {
    std::lock_guard lock(mutex_);
    std::size_t same = 0;
    auto used = std::chrono::steady_clock::time_point::max();
    for (const auto& [ref, entry] : entries_) {
      if (entry.session.user != session.user) continue;
      ++same;
      if (entry.used >= used) continue;
      used = entry.used;
      oldest = entry.session.ref;
    }
    if (same < per_user_limit) oldest.reset();
  }
  if (oldest) close(*oldest);
  store_.commit([&](db::Transaction& change) {
    model::RecordValue record{S::index,
                              std::vector<model::Value>(model::classes()[S::index].fields.size())};
    const model::DateTime now = model::now();
    record.set(S::this_host, host_);
    record.set(S::last_active, now);
    record.set(S::validation_time, now);
    record.set(S::is_local_superuser, session.local_superuser);
    record.set(S::auth_user_name, session.user);
    record.set(S::auth_user_sid, session.local_superuser ? "" : session.user);
    record.set(S::originator, session.originator);
    record.set(S::subject, subject);
    session.ref = change.create<S>(std::move(record));
  });
  std::lock_guard lock(mutex_);
  entries_[session.ref.str()] = {session, subject.str(), std::chrono::steady_clock::now()};
  return session;
}

void Sessions::close(const Ref<model::session>& ref) {
  {
    std::lock_guard lock(mutex_);
    if (entries_.erase(ref.str()) == 0) return;
  }
  store_.commit([&](db::Transaction& change) {
    if (change.find(ref)) change.destroy(ref);
  });
}

Session Sessions::find(const std::string& ref) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(ref);
  if (found == entries_.end()) throw Failure("SESSION_INVALID", {ref});
  found->second.used = std::chrono::steady_clock::now();
  return found->second.session;
}

void Sessions::expire_idle() {
  std::vector<Ref<model::session>> idle;
  {
    std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [ref, entry] : entries_)
      if (now - entry.used > idle_limit) idle.push_back(entry.session.ref);
  }
  for (const auto& ref : idle) close(ref);
}

std::size_t Sessions::count() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void Sessions::close_if(
    const std::function<bool(const Session&, const std::string& subject)>& wanted) {
  std::vector<Ref<model::session>> ended;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [ref, entry] : entries_)
      if (wanted(entry.session, entry.subject)) ended.push_back(entry.session.ref);
  }
  for (const auto& ref : ended) close(ref);
}

}  // namespace xcp::xapi
