// SPDX-License-Identifier: GPL-2.0-or-later
// The two sources of answers: PAM with services of the test's own, and the password file.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "authd/checkers.hpp"
#include "base/failure.hpp"

namespace xcp::auth {
namespace {

class Directory {
 public:
  Directory() : path_(mkdtemp(template_)) {}
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = path_ + "/" + name;
    std::ofstream(path) << content;
    chmod(path.c_str(), mode);
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  char template_[32] = "/tmp/authd-test-XXXXXX";
  std::string path_;
};

TEST(Pam, says_yes_when_the_service_permits) {
  Directory pam;
  pam.file("xapi", "auth required pam_permit.so\naccount required pam_permit.so\n", 0644);
  EXPECT_TRUE(PamChecker("xapi", pam.path()).check("root", "anything"));
}

TEST(Pam, says_no_when_the_service_denies) {
  Directory pam;
  pam.file("xapi", "auth required pam_deny.so\naccount required pam_permit.so\n", 0644);
  EXPECT_FALSE(PamChecker("xapi", pam.path()).check("root", "anything"));
}

TEST(Pam, says_no_when_the_account_is_not_valid) {
  Directory pam;
  pam.file("xapi", "auth required pam_permit.so\naccount required pam_deny.so\n", 0644);
  EXPECT_FALSE(PamChecker("xapi", pam.path()).check("root", "anything"));
}

TEST(Pam, throws_when_there_is_no_such_service) {
  Directory pam;
  EXPECT_THROW(PamChecker("xapi", pam.path()).check("root", "anything"), Failure);
}

// pam_exec hands the password to a program: the one place where a test sees what PAM was given.
class PamExec : public testing::Test {
 protected:
  PamExec() {
    const std::string script = pam_.file(
        "ask", "#!/bin/sh\n[ \"$PAM_USER\" = alice ] && [ \"$(tr -d '\\000')\" = secret ]\n", 0700);
    pam_.file("xapi",
              "auth required pam_exec.so quiet expose_authtok " + script +
                  "\naccount required pam_permit.so\n",
              0644);
  }
  bool check(const std::string& user, const std::string& password) {
    return PamChecker("xapi", pam_.path()).check(user, password);
  }
  Directory pam_;
};

TEST_F(PamExec, passes_user_and_password_on) {
  EXPECT_TRUE(check("alice", "secret"));
  EXPECT_FALSE(check("alice", "Secret"));
  EXPECT_FALSE(check("bob", "secret"));
  EXPECT_FALSE(check("alice", ""));
}

TEST_F(PamExec, refuses_what_no_account_can_have) {
  using namespace std::string_literals;
  EXPECT_FALSE(check("", "secret"));
  EXPECT_FALSE(check("alice\0x"s, "secret"));
  EXPECT_FALSE(check("alice", "secret\0x"s));
  EXPECT_FALSE(check(std::string(257, 'a'), "secret"));
  EXPECT_FALSE(check("alice", std::string(1025, 's')));
}

TEST(PasswordFile, answers_from_its_lines) {
  Directory dir;
  PasswordFile file(dir.file("password", "# comment\n\nroot:pass:word\nempty:\n:nobody\nlast:x"));
  EXPECT_TRUE(file.check("root", "pass:word"));
  EXPECT_FALSE(file.check("root", "pass"));
  EXPECT_FALSE(file.check("root", "pass:word "));
  EXPECT_FALSE(file.check("root", ""));
  EXPECT_FALSE(file.check("empty", ""));
  EXPECT_FALSE(file.check("", "nobody"));
  EXPECT_FALSE(file.check("# comment", ""));
  EXPECT_FALSE(file.check("stranger", "x"));
  EXPECT_TRUE(file.check("last", "x"));
}

TEST(PasswordFile, takes_a_new_password_at_once) {
  Directory dir;
  PasswordFile file(dir.file("password", "root:old\n"));
  EXPECT_TRUE(file.check("root", "old"));
  dir.file("password", "root:new\n");
  EXPECT_FALSE(file.check("root", "old"));
  EXPECT_TRUE(file.check("root", "new"));
}

TEST(PasswordFile, throws_when_others_may_read_it) {
  Directory dir;
  PasswordFile file(dir.file("password", "root:x\n", 0640));
  EXPECT_THROW(file.check("root", "x"), Failure);
}

TEST(PasswordFile, throws_when_it_is_missing) {
  Directory dir;
  PasswordFile file(dir.path() + "/none");
  EXPECT_THROW(file.check("root", "x"), Failure);
}

}  // namespace
}  // namespace xcp::auth
