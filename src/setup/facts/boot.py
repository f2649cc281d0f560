# SPDX-License-Identifier: GPL-2.0-or-later
# Whether the next boot starts Xen, and how.
from findings import Fact, missing, not_needed, ok, warning
from host import XEN_DRIVER, last_option

GROUP = "Boot"
DROP_IN = "/etc/default/grub.d/zz-xcp-hypervisor-xen.cfg"
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def default_entry(host):
    if not host.installed_xens:
        return not_needed("looked at when Xen is installed")
    entry = host.next_entry
    make = " ".join(host.distribution.make_boot_menu)
    if entry is not None and entry.is_xen:
        return ok(entry.title)
    if not any(other.is_xen for other in host.menu.all()):
        return missing("the boot menu has no entry with Xen", make)
    return missing(f"the next boot starts '{entry.title}', without Xen",
                   "set GRUB_DEFAULT in /etc/default/grub to an entry with Xen, and see that no file of "
                   f"/etc/default/grub.d says XEN_OVERRIDE_GRUB_DEFAULT=0; then {make}")


def drop_in(host):
    if not host.machine.exists(XEN_DRIVER):
        return not_needed("comes with xcp-hypervisor-xen")
    if host.machine.exists(DROP_IN):
        return ok(DROP_IN)
    return missing(f"{DROP_IN} was removed: the first domain's memory is not limited",
                   host.distribution.install("--reinstall -o Dpkg::Options::=--force-confmiss xcp-hypervisor-xen",
                                             "xcp-hypervisor-xen"))


def dom0_memory(host):
    if not host.installed_xens or not host.next_boot_is_xen:
        return not_needed("looked at when the next boot starts Xen")
    size = last_option(host.next_entry.xen_options, "dom0_mem")
    if size:
        return ok(f"dom0_mem={size}")
    return warning("not limited: the first domain takes all memory, and gives it back slowly",
                   "xcp-setup dom0 --memory auto")


def secure_boot(host):
    content = host.machine.read_bytes(SECURE_BOOT)
    if content is None:
        return not_needed("no Secure Boot on this machine")
    if content[-1:] != b"\1":
        return ok("Secure Boot is off")
    if host.in_dom0:
        return ok("Secure Boot is on, and Xen runs")
    return missing("Secure Boot is on, and GRUB then starts no Xen that is not signed",
                   "switch Secure Boot off in the firmware's setup")


FACTS = [Fact(GROUP, "default entry", default_entry), Fact(GROUP, "our settings", drop_in),
         Fact(GROUP, "dom0 memory", dom0_memory), Fact(GROUP, "Secure Boot", secure_boot)]
