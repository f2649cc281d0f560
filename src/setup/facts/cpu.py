# SPDX-License-Identifier: GPL-2.0-or-later
# What the processor can do. Under Xen the kernel's own list of flags says nothing of virtualization,
# because Xen hides it from its first domain: then Xen is asked.
from findings import Fact, missing, not_needed, ok, warning
from machine import Unseen

GROUP = "Processor"
FIRMWARE = "switch on VT-x or AMD-V (SVM) in the firmware's setup; inside a virtual machine, nested " \
           "virtualization in the outer one"


def architecture(host):
    if host.architecture == "x86_64":
        return ok("x86_64")
    return missing(host.architecture, "use a 64-bit PC; the drivers are built and tried for no other machine")


def _virtualization(host):
    """"vmx", "svm" or ""."""
    return next((flag for flag in ("vmx", "svm") if flag in host.cpu_flags), "")


def xen_virtualization(host):
    if host.under_xen:
        told = host.machine.read("/sys/hypervisor/properties/capabilities")
        if told is None:
            raise Unseen("/sys/hypervisor/properties/capabilities is not there")
        found = "hvm-" in told
    else:
        found = _virtualization(host)
    if found:
        return ok("hardware virtualization: pv, pvh and hvm guests")
    return warning("no hardware virtualization: pv guests only", FIRMWARE)


def kvm_virtualization(host):
    if host.under_xen:
        raise Unseen("Xen hides the processor's abilities from this kernel")
    flag = _virtualization(host)
    if flag:
        return ok(f"hardware virtualization ({flag})")
    return missing("no hardware virtualization: guests are emulated, ten to fifty times slower", FIRMWARE)


def xen_nested_paging(host):
    if host.under_xen:
        abilities = host.xen_fact("virt_caps").split()
        if not {"hap", "shadow"} & set(abilities):
            raise Unseen("this Xen does not tell")
        found = "hap" in abilities
    else:
        found = {"ept", "npt"} & host.cpu_flags
    if found:
        return ok("in hardware")
    return warning("not in hardware: hvm and pvh guests run on shadow page tables, slowly", FIRMWARE)


def kvm_nested_paging(host):
    if host.under_xen:
        raise Unseen("Xen hides the processor's abilities from this kernel")
    if {"ept", "npt"} & host.cpu_flags:
        return ok("in hardware")
    if not _virtualization(host):
        return not_needed("comes with hardware virtualization")
    return warning("not in hardware: guests run on shadow page tables, slowly", "use a processor with EPT or NPT")


def _iommu_tables(host):
    tables = host.machine.names("/sys/firmware/acpi/tables")
    return [name for name in ("DMAR", "IVRS") if name in tables]


NO_IOMMU = "none: PCI devices cannot be given to guests"


def xen_iommu(host):
    if host.in_dom0:
        if {"hvm_directio", "pv_directio"} & set(host.xen_fact("virt_caps").split()):
            return ok("in use by Xen: PCI devices can be given to guests")
        return not_needed(NO_IOMMU)
    if _iommu_tables(host):
        return ok(f"there (ACPI table {' '.join(_iommu_tables(host))}); Xen will use it")
    return not_needed(NO_IOMMU)


def kvm_iommu(host):
    if host.machine.names("/sys/class/iommu"):
        return ok("in use: PCI devices can be given to guests")
    tables = _iommu_tables(host)
    if tables:
        option = "intel_iommu=on" if "DMAR" in tables else "amd_iommu=on"
        return warning("there, and not in use: no PCI device can be given to a guest",
                       f"only if you want that: add {option} to GRUB_CMDLINE_LINUX in /etc/default/grub, "
                       f"then {' '.join(host.distribution.make_boot_menu)} and reboot")
    return not_needed(NO_IOMMU)


XEN = [Fact(GROUP, "architecture", architecture), Fact(GROUP, "virtualization", xen_virtualization),
       Fact(GROUP, "nested paging", xen_nested_paging), Fact(GROUP, "IOMMU", xen_iommu)]
KVM = [Fact(GROUP, "architecture", architecture), Fact(GROUP, "virtualization", kvm_virtualization),
       Fact(GROUP, "nested paging", kvm_nested_paging), Fact(GROUP, "IOMMU", kvm_iommu)]
