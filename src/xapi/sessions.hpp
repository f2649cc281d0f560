// SPDX-License-Identifier: GPL-2.0-or-later
// Who is logged in. A session is a row of class session in the store (so that clients see it) and
// an entry here with what a call needs at once: roles, and when it was last used. Any thread may
// call. Limits: 500 sessions a user name (the least recently used goes first), idle ones end after
// 24 h.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "datamodel/model.gen.hpp"
#include "datamodel/value.hpp"
#include "xapi/db/store.hpp"

namespace xcp::xapi {

struct Session {
  Ref<model::session> ref;
  std::string user;
  std::string originator;
  model::RoleMask roles = 0;
  bool local_superuser = false;  // local root: allowed everything, whatever the roles say
};

class Sessions {
 public:
  Sessions(db::Store& store, Ref<model::host> host) : store_(store), host_(std::move(host)) {}

  Session open(Session session, Ref<model::subject> subject = {});
  void close(const Ref<model::session>& ref);
  // Marks it as used now. SESSION_INVALID [ref] when there is none.
  Session find(const std::string& ref);
  void expire_idle();
  std::size_t count() const;
  // Ends every session of that subject; for logout_subject_identifier.
  void close_if(const std::function<bool(const Session&, const std::string& subject_identifier)>&);

 private:
  struct Entry {
    Session session;
    std::string subject;
    std::chrono::steady_clock::time_point used;
  };
  db::Store& store_;
  Ref<model::host> host_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace xcp::xapi
