// SPDX-License-Identifier: GPL-2.0-or-later
// Logging in and out. Local root comes in through the unix socket without a password; everybody
// else is asked for one by the authentication daemon. root and the members of the toolstack's group
// have every right; other users need a subject with roles (subject_identifier = user name).
#include "xapi/handlers/session.gen.hpp"

#include "base/fd.hpp"
#include "xapi/classes/roles.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

using model::subject;

namespace {

Session superuser_session(const std::string& user, const std::string& originator) {
  Session session;
  session.user = user;
  session.originator = originator;
  session.roles = model::role_mask_all();
  session.local_superuser = true;
  return session;
}

std::optional<db::Object<subject>> subject_of(const db::Snapshot& view, const std::string& user) {
  return view.find_if<subject>([&](const db::Object<subject>& candidate) {
    return candidate[subject::subject_identifier] == user;
  });
}

}  // namespace

Ref<model::session> session_login_with_password(Context& context, std::string uname,
                                                std::string pwd, std::string,
                                                std::string originator) {
  Services& services = context.services();
  if (originator.empty()) originator = context.caller().originator;
  if (context.caller().local_root)
    return services.sessions.open(superuser_session(uname.empty() ? "root" : uname, originator))
        .ref;
  if (!services.auth.check(uname, pwd))
    throw Failure("SESSION_AUTHENTICATION_FAILED", {uname, "Authentication failure"});
  if (uname == "root") return services.sessions.open(superuser_session(uname, originator)).ref;
  const db::Snapshot view = context.view();
  const auto known = subject_of(view, uname);
  if (!known)
    throw Failure("SESSION_AUTHORIZATION_FAILED",
                  {uname, "the user has no subject; an administrator makes one with subject-add"});
  Session session;
  session.user = uname;
  session.originator = originator;
  for (const Ref<model::role>& role : (*known)[subject::roles])
    session.roles |= role_bit(view, role);
  if (session.roles == 0)
    throw Failure("SESSION_AUTHORIZATION_FAILED", {uname, "the user's subject has no role"});
  return services.sessions.open(session, known->ref()).ref;
}

void session_logout(Context& context) {
  context.services().sessions.close(context.session().ref);
}

Ref<model::session> session_slave_local_login_with_password(Context& context, std::string uname,
                                                            std::string pwd) {
  return session_login_with_password(context, std::move(uname), std::move(pwd), "", "");
}

void session_local_logout(Context& context) {
  session_logout(context);
}

std::vector<std::string> session_get_all_subject_identifiers(Context& context) {
  std::vector<std::string> identifiers;
  for (const auto& session : context.view().all<model::session>())
    if (const auto who = context.view().find(session[model::session::subject]))
      identifiers.push_back((*who)[subject::subject_identifier]);
  return identifiers;
}

void session_logout_subject_identifier(Context& context, std::string subject_identifier) {
  const auto who = subject_of(context.view(), subject_identifier);
  if (!who) return;
  context.services().sessions.close_if(
      [&](const Session&, const std::string& ref) { return ref == who->ref().str(); });
}

}  // namespace xcp::xapi
