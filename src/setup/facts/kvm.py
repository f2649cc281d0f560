# SPDX-License-Identifier: GPL-2.0-or-later
# KVM itself. That /dev/kvm opens proves nothing: para-virtualized KVM offers it to machines whose
# guests then hang in their first second; it takes the processor's word too.
from findings import Fact, missing, not_needed, ok, warning
from host import KVM_DRIVER
from machine import Unseen

GROUP = "Hypervisor"


def no_xen(host):
    if not host.under_xen:
        return ok("this kernel has the processor to itself")
    return missing("this kernel runs under Xen, which keeps virtualization to itself",
                   "use Xen (xcp-host-check --xen), or boot without it")


def device(host):
    if not host.machine.exists("/dev/kvm"):
        return missing("/dev/kvm is not there", "see the processor and the kernel's KVM module")
    reason = host.machine.why_not_opened("/dev/kvm")
    if reason and not host.machine.privileged:
        raise Unseen(f"/dev/kvm: {reason}; run this as root to see whether it opens")
    if reason:
        return missing(f"/dev/kvm cannot be opened: {reason}", "look at its mode, and at what confines root here")
    if not {"vmx", "svm"} & host.cpu_flags:
        return missing("/dev/kvm opens, but the processor shows neither vmx nor svm: guests would hang, "
                       "so they are emulated", "enable nested virtualization in the outer machine")
    return ok("/dev/kvm opens")


def nested(host):
    for module in ("kvm_intel", "kvm_amd"):
        value = host.machine.read(f"/sys/module/{module}/parameters/nested")
        if value is not None:
            if value.strip() in ("Y", "1"):
                return ok("guests can be hosts themselves")
            return not_needed(f"off; options {module} nested=1 in /etc/modprobe.d lets guests be hosts")
    return not_needed("KVM is not loaded")


def driver(host):
    if host.machine.exists(KVM_DRIVER):
        return ok("xcp-hypervisor-kvm is installed")
    return missing("xcp-hypervisor-kvm is not installed", host.distribution.install("xcp-hypervisor-kvm"))


def vhost(host):
    if host.machine.exists("/dev/vhost-net"):
        return ok("/dev/vhost-net")
    return warning("/dev/vhost-net is not there: guests' network goes through QEMU, slower", "modprobe vhost_net")


FACTS = [Fact(GROUP, "no other below", no_xen), Fact(GROUP, "KVM", device), Fact(GROUP, "nesting", nested),
         Fact(GROUP, "driver", driver), Fact(GROUP, "vhost", vhost)]
