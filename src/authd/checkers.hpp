// SPDX-License-Identifier: GPL-2.0-or-later
// Where the answers come from: PAM on an installed host, a file on a stand-alone one (so that
// nothing of the machine's accounts is touched). Both answer at once; delays are the server's. The
// password is overwritten in memory before check() returns, whatever the answer.
#pragma once

#include <string>

#include "authd/auth.hpp"

namespace xcp::auth {

class PamChecker : public Auth {
 public:
  // `service` is a file of /etc/pam.d, or of `directory` when that is not empty.
  explicit PamChecker(std::string service, std::string directory = {});
  bool check(std::string user, std::string password) override;

 private:
  std::string service_;
  std::string directory_;
};

// Lines "user:password" (the first colon separates; empty lines and lines that start with # do not
// count). check() reads the file each time, so that a new password needs no restart, and throws
// INTERNAL_ERROR when it cannot be read, or when anybody but its owner, who must be root or this
// process's user, may read it.
class PasswordFile : public Auth {
 public:
  explicit PasswordFile(std::string path);
  bool check(std::string user, std::string password) override;

 private:
  std::string path_;
};

}  // namespace xcp::auth
