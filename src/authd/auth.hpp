// SPDX-License-Identifier: GPL-2.0-or-later
// The contract of the authentication daemon: one question, answered yes or no. Whether the user may
// then do anything is not its business.
#pragma once

#include <boost/describe/class.hpp>
#include <string>

namespace xcp::auth {

class Auth {
 public:
  virtual ~Auth() = default;

  // True when `password` is the password of `user` and the account may be used now. A "no" comes
  // after a delay of about a second, more after many failures. Throws INTERNAL_ERROR when the
  // question could not be answered (no such PAM service, an unreadable password file).
  virtual bool check(std::string user, std::string password) = 0;
};
BOOST_DESCRIBE_STRUCT(Auth, (), (check))

}  // namespace xcp::auth
