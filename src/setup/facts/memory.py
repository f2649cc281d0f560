# SPDX-License-Identifier: GPL-2.0-or-later
# Whether the memory is enough for the host itself and a guest or two.
from findings import Fact, missing, ok, warning

GROUP = "Memory"
LEAST_MIB = 1024  # 512 for the first domain, as much for Xen itself and a small guest
GOOD_MIB = 2048


def _judge(total):
    if total < LEAST_MIB:
        return missing(f"{total} MiB: too little for the host and a guest", f"{LEAST_MIB} MiB is the least")
    if total < GOOD_MIB:
        return warning(f"{total} MiB: room for one or two small guests", f"{GOOD_MIB} MiB or more is better")
    return ok(f"{total} MiB")


def xen_memory(host):
    state, found, todo = _judge(host.memory_mib)
    if host.in_dom0:
        found += f"; this first domain has {host.dom0_memory_mib} of it"
    return state, found, todo


def kvm_memory(host):
    return _judge(host.kernel_memory_mib)


XEN = [Fact(GROUP, "memory", xen_memory)]
KVM = [Fact(GROUP, "memory", kvm_memory)]
