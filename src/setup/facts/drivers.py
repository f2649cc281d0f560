# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's options and drivers, as rows: what a host needs of each, for which hypervisor.
from dataclasses import dataclass

from findings import Fact, State, missing, not_needed, ok, warning
from kernel import Driver

GROUP = "Kernel"


@dataclass
class Row:
    options: tuple  # any of them
    module: str  # as the kernel spells it; "": never a module
    need: State  # what it is without it
    use: str
    by_itself: bool = False  # is loaded by whoever needs it


XEN_ROWS = [
    Row(("XEN",), "", State.MISSING, "Xen at all"),
    Row(("XEN_DOM0",), "", State.MISSING, "being Xen's first domain"),
    Row(("XEN_PV_DOM0", "XEN_PV", "XEN_PVH"), "", State.MISSING, "starting as its first domain"),
    Row(("XENFS",), "xenfs", State.MISSING, "/proc/xen"),
    Row(("XEN_PRIVCMD",), "xen_privcmd", State.MISSING, "calls into Xen"),
    Row(("XEN_DEV_EVTCHN",), "xen_evtchn", State.MISSING, "events between domains"),
    Row(("XEN_GNTDEV",), "xen_gntdev", State.MISSING, "disks served by QEMU"),
    Row(("XEN_GRANT_DEV_ALLOC",), "xen_gntalloc", State.WARNING, "vchan"),
    Row(("XEN_NETDEV_BACKEND",), "xen_netback", State.MISSING, "guests' network"),
    Row(("XEN_BLKDEV_BACKEND",), "xen_blkback", State.MISSING, "guests' disks on block devices"),
    Row(("XEN_PCIDEV_BACKEND",), "xen_pciback", State.WARNING, "PCI devices for guests"),
    Row(("XEN_SCSI_BACKEND",), "xen_scsiback", State.NOT_NEEDED, "SCSI devices for guests", True),
    Row(("XEN_BALLOON",), "", State.WARNING, "changing the first domain's memory"),
    Row(("XEN_ACPI_PROCESSOR",), "xen_acpi_processor", State.WARNING, "power states of the processor", True),
]
NETWORK_ROWS = [
    Row(("TUN",), "tun", State.MISSING, "network of fully virtualized guests", True),
    Row(("BRIDGE",), "bridge", State.MISSING, "bridges", True),
    Row(("OPENVSWITCH",), "openvswitch", State.NOT_NEEDED, "Open vSwitch, where chosen", True),
]
VENDORS = {"GenuineIntel": ("KVM_INTEL", "kvm_intel"), "AuthenticAMD": ("KVM_AMD", "kvm_amd"),
           "HygonGenuine": ("KVM_AMD", "kvm_amd"), "CentaurHauls": ("KVM_INTEL", "kvm_intel")}


def _without(row, found, todo):
    if row.need is State.MISSING:
        return missing(found, todo)
    return warning(found, todo) if row.need is State.WARNING else not_needed(found)


def look_at(host, row, wanted_now):
    """`wanted_now`: it has to be loaded by this time."""
    state = host.kernel.driver(row.options, row.module)
    if state in (Driver.BUILT_IN, Driver.LOADED):
        return ok(f"{state.value}: {row.use}")
    if state is Driver.ABSENT:
        return _without(row, f"not in this kernel: {row.use}",
                        "boot the distribution's own kernel; this one lacks CONFIG_" + row.options[0])
    if state is Driver.LOST:
        return _without(row, f"its module is not in /lib/modules/{host.kernel.release}: {row.use}",
                        "reboot if the kernel was upgraded, else install all modules of this kernel")
    if wanted_now and not row.by_itself and row.need is not State.NOT_NEEDED:
        return warning(f"a module that is not loaded: {row.use}", f"modprobe {row.module.replace('_', '-')}")
    return ok(f"a module, loaded when needed: {row.use}")


def xen_fact(row):
    return Fact(GROUP, row.options[0], lambda host: look_at(host, row, host.in_dom0))


def kvm_fact(row):
    return Fact(GROUP, row.options[0], lambda host: look_at(host, row, True))


def kvm(host):
    vendor = host.cpuinfo.get("vendor_id", "")
    if vendor not in VENDORS:
        return missing(f"no KVM for processors of {vendor or 'an unknown vendor'}", "use a PC with VT-x or AMD-V")
    option, module = VENDORS[vendor]
    return look_at(host, Row((option,), module, State.MISSING, "KVM on this processor"), True)


XEN = [xen_fact(row) for row in XEN_ROWS + NETWORK_ROWS]
KVM = [Fact(GROUP, "KVM", kvm),
       kvm_fact(Row(("VHOST_NET",), "vhost_net", State.WARNING, "fast network of guests", True)),
       *(kvm_fact(row) for row in NETWORK_ROWS)]
