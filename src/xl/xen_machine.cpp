// SPDX-License-Identifier: GPL-2.0-or-later
// xl dmesg, debug-keys, set-parameters, top, getenforce, setenforce, loadpolicy: the hypervisor
// itself.
#include <fcntl.h>
#include <fmt/format.h>
#include <strings.h>
#include <unistd.h>

#include "xl/refusal.hpp"
#include "xl/verbs.hpp"

namespace xcp::xl {

namespace {

constexpr int status_without_flask = 255;

bool is_any(const std::string& text, const char* word, const char* digit) {
  return text == digit || strcasecmp(text.c_str(), word) == 0;
}

}  // namespace

int dmesg(Xl& xl, const Call& call) {
  fmt::print("{}", xl.xen().messages(call.has("c")));
  return 0;
}

int debug_keys(Xl& xl, const Call& call) {
  xl.xen().send_debug_keys(call.args[0]);
  return 0;
}

int set_parameters(Xl& xl, const Call& call) {
  xl.xen().set_parameters(call.args[0]);
  return 0;
}

int top(Xl& xl, const Call&) {
  xl.xen().host();  // says so where there is no Xen
  std::fflush(stdout);
  execlp("xentop", "xentop", nullptr);
  throw system_failure("cannot start xentop", errno);
}

int getenforce(Xl& xl, const Call&) {
  const std::optional<bool> enforcing = xl.xen().flask_enforcing();
  if (!enforcing) {
    fmt::print("Flask XSM Disabled\n");
    return status_without_flask;
  }
  fmt::print("{}\n", *enforcing ? "Enforcing" : "Permissive");
  return 0;
}

int setenforce(Xl& xl, const Call& call) {
  const std::string& word = call.args[0];
  const bool enforce = is_any(word, "enforcing", "1");
  if (!enforce && !is_any(word, "permissive", "0")) throw refusal(help_text(*call.command), 2);
  if (!xl.xen().flask_enforcing()) throw refusal("Flask XSM disabled", status_without_flask);
  xl.xen().set_flask_enforcing(enforce);
  return 0;
}

int loadpolicy(Xl& xl, const Call& call) {
  UniqueFd file(open(call.args[0].c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    throw refusal(
        fmt::format("Error occurred opening policy file '{}': {}", call.args[0], strerror(errno)),
        status_without_flask);
  xl.xen().load_flask_policy(std::move(file));
  fmt::print("Successfully loaded policy.\n");
  return 0;
}

}  // namespace xcp::xl
