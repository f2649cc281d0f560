// SPDX-License-Identifier: GPL-2.0-or-later
// xl destroy, shutdown, reboot, pause, unpause, trigger, button-press.
#include <fmt/format.h>
#include <strings.h>

#include "xl/refusal.hpp"
#include "xl/verbs.hpp"

namespace xcp::xl {

namespace {

using hypervisor::DomainState;
using hypervisor::ShutdownKind;

const char* name_of(Ending ending) {
  switch (ending) {
    case Ending::powered_off:
      return "poweroff";
    case Ending::rebooted:
      return "reboot";
    case Ending::crashed:
      return "crash";
    case Ending::gone:
      return "destroy";
  }
  return "";
}

// shutdown and reboot differ in the kind alone. All are asked before the first is waited for.
int ask(Xl& xl, const Call& call, ShutdownKind kind) {
  const bool all = call.has("a");
  if (!all && call.args.empty()) throw refusal("You must specify -a or a domain id.\n");
  std::vector<DomainState> states;
  if (all) {
    for (DomainState& state : xl.domains())
      if (state.domid != 0 && state.ours) states.push_back(std::move(state));
  } else {
    states.push_back(xl.find(call.args[0]));
  }
  for (const DomainState& state : states) {
    fmt::print("{} domain {}\n", kind == ShutdownKind::poweroff ? "Shutting down" : "Rebooting",
               state.domid);
    xl.hypervisor().shutdown(state.uuid, kind);
  }
  if (!call.has("w")) return 0;
  fmt::print("Waiting for {} domain{}\n", states.size(), states.size() == 1 ? "" : "s");
  std::fflush(stdout);
  for (const DomainState& state : states) {
    const Ending ending = wait_for_end(xl, state.uuid, kind == ShutdownKind::reboot);
    fmt::print("Domain {} has been {}\n", state.domid,
               ending == Ending::gone ? "destroyed"
                                      : fmt::format("shut down, reason {}", name_of(ending)));
    if (ending != Ending::rebooted) xl.forget(state.uuid);
  }
  return 0;
}

int send(Xl& xl, const DomainState& state, const std::string& what, const char* kind) {
  if (strcasecmp(what.c_str(), "power") == 0) {
    xl.hypervisor().shutdown(state.uuid, ShutdownKind::poweroff);
    return 0;
  }
  throw refusal(
      fmt::format("xl {}: not available: the hypervisor daemon cannot send {}.", kind, what));
}

}  // namespace

int destroy(Xl& xl, const Call& call) {
  xl.settings.force = xl.settings.force || call.has("f");
  const DomainState state = xl.find(call.args[0]);
  if (state.domid == 0 && !xl.settings.force)
    throw refusal(
        "Not destroying domain 0; use -f to force.\nThis can only be done when using a "
        "disaggregated hardware domain and toolstack.\n");
  xl.need_own(state, "Not destroying");
  xl.hypervisor().destroy(state.uuid);
  if (xl.remembered(state.uuid)) {
    xl.forget(state.uuid);
    xl.hypervisor().forget(state.uuid);
  }
  return 0;
}

int shutdown(Xl& xl, const Call& call) {
  return ask(xl, call, ShutdownKind::poweroff);
}

int reboot(Xl& xl, const Call& call) {
  return ask(xl, call, ShutdownKind::reboot);
}

int pause(Xl& xl, const Call& call) {
  xl.hypervisor().pause(xl.find(call.args[0]).uuid);
  return 0;
}

int unpause(Xl& xl, const Call& call) {
  xl.hypervisor().unpause(xl.find(call.args[0]).uuid);
  return 0;
}

int trigger(Xl& xl, const Call& call) {
  if (xl.on_xen()) return trigger_of_xen(xl, call);
  const DomainState state = xl.find(call.args[0]);
  const std::string& what = call.args[1];
  bool known = false;
  for (const char* name : {"nmi", "reset", "init", "power", "sleep", "s3resume"})
    known = known || strcasecmp(name, what.c_str()) == 0;
  if (!known) throw refusal(fmt::format("Invalid trigger \"{}\"", what));
  if (strcasecmp(what.c_str(), "reset") == 0) {
    xl.hypervisor().reset(state.uuid);
    return 0;
  }
  return send(xl, state, what, "trigger");
}

int button_press(Xl& xl, const Call& call) {
  fmt::print(stderr, "WARNING: \"button-press\" is deprecated. Please use \"trigger\"\n");
  const std::string& what = call.args[1];
  if (what != "power" && what != "sleep")
    throw refusal(fmt::format("{} is an invalid button identifier", what));
  if (xl.on_xen()) return trigger_of_xen(xl, call);
  const DomainState state = xl.find(call.args[0]);
  return send(xl, state, what, "button-press");
}

}  // namespace xcp::xl
