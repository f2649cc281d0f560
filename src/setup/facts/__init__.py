# SPDX-License-Identifier: GPL-2.0-or-later
# The facts that are looked up for each hypervisor, in the order in which they are told.
from facts import boot, cpu, drivers, kvm, memory, programs, services, xen
from host import XEN


def for_hypervisor(hypervisor):
    if hypervisor == XEN:
        return [*cpu.XEN, *memory.XEN, *xen.FACTS, *drivers.XEN, *boot.FACTS, *services.XEN, *programs.XEN]
    return [*cpu.KVM, *memory.KVM, *kvm.FACTS, *drivers.KVM, *services.KVM, *programs.KVM]
