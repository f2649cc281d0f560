// SPDX-License-Identifier: GPL-2.0-or-later
// One PAM transaction: authenticate, then ask whether the account is valid. PAM gets the password
// from a conversation that answers hidden prompts with it and everything else with an error, so
// that a module which asks a second question (a one-time code) fails instead of being fooled.
#include <security/pam_appl.h>
#include <string.h>

#include <cstdlib>

#include "authd/checkers.hpp"
#include "base/failure.hpp"

namespace xcp::auth {

namespace {

// Longer ones belong to nobody.
constexpr std::size_t user_limit = 256;
constexpr std::size_t password_limit = 1024;

class Wiped {
 public:
  explicit Wiped(std::string& text) : text_(text) {}
  ~Wiped() { explicit_bzero(text_.data(), text_.size()); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;

 private:
  std::string& text_;
};

struct Conversation {
  const char* password;
  bool answered = false;
};

int converse(int count, const pam_message** messages, pam_response** responses, void* data) {
  auto* conversation = static_cast<Conversation*>(data);
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* replies =
      static_cast<pam_response*>(calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (replies == nullptr) return PAM_BUF_ERR;
  for (int i = 0; i < count; ++i) {
    const int style = messages[i]->msg_style;
    if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG) continue;
    if (style == PAM_PROMPT_ECHO_OFF && !conversation->answered) {
      conversation->answered = true;
      replies[i].resp = strdup(conversation->password);
      continue;
    }
    for (int k = 0; k < i; ++k) {
      if (replies[k].resp == nullptr) continue;
      explicit_bzero(replies[k].resp, strlen(replies[k].resp));
      free(replies[k].resp);
    }
    free(replies);
    return PAM_CONV_ERR;
  }
  *responses = replies;
  return PAM_SUCCESS;
}

// The delay after a failure is the server's, the same for every reason.
void no_delay(int, unsigned, void*) {}

class Transaction {
 public:
  Transaction(const std::string& service, const std::string& directory, const std::string& user,
              Conversation& conversation)
      : hooks_{converse, &conversation} {
    status_ = directory.empty() ? pam_start(service.c_str(), user.c_str(), &hooks_, &handle_)
                                : pam_start_confdir(service.c_str(), user.c_str(), &hooks_,
                                                    directory.c_str(), &handle_);
    if (status_ != PAM_SUCCESS)
      throw internal_error("PAM service " + service +
                           " cannot be used: " + pam_strerror(handle_, status_));
    pam_set_item(handle_, PAM_FAIL_DELAY, reinterpret_cast<const void*>(no_delay));
  }
  ~Transaction() { pam_end(handle_, status_); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  bool accepted() {
    constexpr int flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;
    status_ = pam_authenticate(handle_, flags);
    if (status_ == PAM_SUCCESS) status_ = pam_acct_mgmt(handle_, flags);
    return status_ == PAM_SUCCESS;
  }

 private:
  pam_conv hooks_;
  pam_handle_t* handle_ = nullptr;
  int status_ = PAM_SUCCESS;
};

}  // namespace

PamChecker::PamChecker(std::string service, std::string directory)
    : service_(std::move(service)), directory_(std::move(directory)) {}

bool PamChecker::check(std::string user, std::string password) {
  const Wiped wiped(password);
  if (user.empty() || user.size() > user_limit || user.find('\0') != std::string::npos)
    return false;
  if (password.size() > password_limit || password.find('\0') != std::string::npos) return false;
  Conversation conversation{password.c_str()};
  return Transaction(service_, directory_, user, conversation).accepted();
}

}  // namespace xcp::auth
