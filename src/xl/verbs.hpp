// SPDX-License-Identifier: GPL-2.0-or-later
// The functions behind the subcommands; `xl network-attach` is network_attach. Each returns the
// status to end with, or throws a Failure that main() tells.
#pragma once

#include "xl/commands.hpp"
#include "xl/xl.hpp"

namespace xcp::xl {

int create(Xl& xl, const Call& call);
int config_update(Xl& xl, const Call& call);
int list(Xl& xl, const Call& call);
int vm_list(Xl& xl, const Call& call);
int vcpu_list(Xl& xl, const Call& call);
int domid(Xl& xl, const Call& call);
int domname(Xl& xl, const Call& call);
int uptime(Xl& xl, const Call& call);
int info(Xl& xl, const Call& call);
int destroy(Xl& xl, const Call& call);
int shutdown(Xl& xl, const Call& call);
int reboot(Xl& xl, const Call& call);
int pause(Xl& xl, const Call& call);
int unpause(Xl& xl, const Call& call);
int trigger(Xl& xl, const Call& call);
int button_press(Xl& xl, const Call& call);
int save(Xl& xl, const Call& call);
int restore(Xl& xl, const Call& call);
int console(Xl& xl, const Call& call);
int vncviewer(Xl& xl, const Call& call);
int mem_set(Xl& xl, const Call& call);
int vcpu_set(Xl& xl, const Call& call);
int block_attach(Xl& xl, const Call& call);
int block_list(Xl& xl, const Call& call);
int block_detach(Xl& xl, const Call& call);
int cd_insert(Xl& xl, const Call& call);
int cd_eject(Xl& xl, const Call& call);
int network_attach(Xl& xl, const Call& call);
int network_list(Xl& xl, const Call& call);
int network_detach(Xl& xl, const Call& call);

// What create and restore do when the domain is there, and connects first where -c was given.
int attend(Xl& xl, const Call& call, const hypervisor::DomainState& domain);

}  // namespace xcp::xl
