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
int migrate(Xl& xl, const Call& call);
int migrate_receive(Xl& xl, const Call& call);
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

// What only Xen has.
int pci_attach(Xl& xl, const Call& call);
int pci_detach(Xl& xl, const Call& call);
int pci_list(Xl& xl, const Call& call);
int pci_assignable_add(Xl& xl, const Call& call);
int pci_assignable_remove(Xl& xl, const Call& call);
int pci_assignable_list(Xl& xl, const Call& call);
int suspend(Xl& xl, const Call& call);
int resume(Xl& xl, const Call& call);
int dump_core(Xl& xl, const Call& call);
int mem_max(Xl& xl, const Call& call);
int vcpu_pin(Xl& xl, const Call& call);
int sharing(Xl& xl, const Call& call);
int sched_credit(Xl& xl, const Call& call);
int sched_credit2(Xl& xl, const Call& call);
int sched_rtds(Xl& xl, const Call& call);
int rename(Xl& xl, const Call& call);
int sysrq(Xl& xl, const Call& call);
int debug_keys(Xl& xl, const Call& call);
int set_parameters(Xl& xl, const Call& call);
int dmesg(Xl& xl, const Call& call);
int top(Xl& xl, const Call& call);
int channel_list(Xl& xl, const Call& call);
int vtpm_attach(Xl& xl, const Call& call);
int vtpm_list(Xl& xl, const Call& call);
int vtpm_detach(Xl& xl, const Call& call);
int vkb_attach(Xl& xl, const Call& call);
int vkb_list(Xl& xl, const Call& call);
int vkb_detach(Xl& xl, const Call& call);
int vdispl_attach(Xl& xl, const Call& call);
int vdispl_list(Xl& xl, const Call& call);
int vdispl_detach(Xl& xl, const Call& call);
int vsnd_attach(Xl& xl, const Call& call);
int vsnd_list(Xl& xl, const Call& call);
int vsnd_detach(Xl& xl, const Call& call);
int claims(Xl& xl, const Call& call);
int cpupool_create(Xl& xl, const Call& call);
int cpupool_list(Xl& xl, const Call& call);
int cpupool_destroy(Xl& xl, const Call& call);
int cpupool_rename(Xl& xl, const Call& call);
int cpupool_cpu_add(Xl& xl, const Call& call);
int cpupool_cpu_remove(Xl& xl, const Call& call);
int cpupool_migrate(Xl& xl, const Call& call);
int cpupool_numa_split(Xl& xl, const Call& call);
int getenforce(Xl& xl, const Call& call);
int setenforce(Xl& xl, const Call& call);
int loadpolicy(Xl& xl, const Call& call);
int psr_hwinfo(Xl& xl, const Call& call);
int psr_cmt_attach(Xl& xl, const Call& call);
int psr_cmt_detach(Xl& xl, const Call& call);
int psr_cmt_show(Xl& xl, const Call& call);
int psr_cat_set(Xl& xl, const Call& call);
int psr_cat_show(Xl& xl, const Call& call);
int psr_mba_set(Xl& xl, const Call& call);
int psr_mba_show(Xl& xl, const Call& call);
int usbctrl_attach(Xl& xl, const Call& call);
int usbctrl_detach(Xl& xl, const Call& call);
int usbdev_attach(Xl& xl, const Call& call);
int usbdev_detach(Xl& xl, const Call& call);
int usb_list(Xl& xl, const Call& call);
int qemu_monitor_command(Xl& xl, const Call& call);

// trigger and button-press on a host that runs Xen.
int trigger_of_xen(Xl& xl, const Call& call);
// The table of one kind of device, of each domain that is named.
int list_devices(Xl& xl, const Call& call, hypervisor::XenDeviceKind kind);

// What create and restore do when the domain is there, and connects first where -c was given.
int attend(Xl& xl, const Call& call, const hypervisor::DomainState& domain);

}  // namespace xcp::xl
