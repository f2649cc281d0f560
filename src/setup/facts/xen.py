# SPDX-License-Identifier: GPL-2.0-or-later
# Xen itself: installed, running, with the tools of its version, and our driver for it.
from findings import Fact, missing, not_needed, ok, warning
from host import XEN_DRIVER
from machine import Unseen

GROUP = "Hypervisor"
DEVICES = "Devices"
INSTALL = ("xcp-hypervisor-xen", "xen xcp-hypervisor-xen")


def installed(host):
    if host.installed_xens:
        return ok("in /boot: " + ", ".join(host.installed_xens))
    if host.in_dom0:
        return warning("none in /boot, and yet one runs: the next boot may not find it",
                       "mount /boot, or " + host.distribution.install("xen-system-amd64", "xen"))
    if not host.distribution.has_xen:
        return missing(f"none in /boot, and {host.distribution.pretty} has no Xen",
                       "use KVM (xcp-host-check --kvm), or Debian or Fedora for Xen")
    return missing("none in /boot", host.distribution.install(*INSTALL))


def running(host):
    if host.in_dom0:
        return ok(f"Xen {host.xen_version[1]}; this is its first domain")
    if host.under_xen:
        return missing("this machine is itself a guest of Xen, not its first domain",
                       "install on the physical machine")
    if not host.installed_xens:
        return missing("no", "install Xen, then reboot")
    try:
        if host.next_boot_is_xen:
            return warning("not yet: Xen is installed, and the next boot starts it", "reboot")
    except Unseen:
        return warning("not yet: Xen is installed; whether the next boot starts it was not seen", "reboot")
    return missing("no, and the next boot does not start it", "see the default entry below, then reboot")


def tools(host):
    """Debian keeps the tools of each version apart, and only those of the running Xen work."""
    if not host.in_dom0:
        return not_needed("looked at when Xen runs")
    directory = f"/usr/lib/xen-{host.xen_version[0]}/bin"
    if host.machine.exists(directory) or host.machine.exists("/usr/lib/xen/bin"):
        return ok(f"those of Xen {host.xen_version[0]}")
    return missing(f"none for Xen {host.xen_version[0]}, which runs",
                   "reboot if Xen was upgraded, else "
                   + host.distribution.install(f"xen-utils-{host.xen_version[0]}", "xen-runtime"))


def driver(host):
    if host.machine.exists(XEN_DRIVER):
        return ok("xcp-hypervisor-xen is installed")
    return missing("xcp-hypervisor-xen is not installed", host.distribution.install(*INSTALL))


def xenfs(host):
    if not host.under_xen:
        return not_needed("mounted when Xen runs")
    if host.machine.exists("/proc/xen/capabilities"):
        return ok("mounted on /proc/xen")
    return missing("not mounted", "mount -t xenfs xenfs /proc/xen (a start of xen.service does it)")


def node(name, module, need, what):
    def look(host):
        if not host.under_xen:
            return not_needed("made when Xen runs")
        if host.machine.exists(f"/dev/xen/{name}"):
            return ok(what)
        return need(f"not there: {what}", f"modprobe {module}" if module else
                    "boot a kernel with support for Xen's first domain")
    return Fact(DEVICES, f"/dev/xen/{name}", look)


FACTS = [Fact(GROUP, "Xen installed", installed), Fact(GROUP, "Xen running", running),
         Fact(GROUP, "Xen tools", tools), Fact(GROUP, "driver", driver), Fact(DEVICES, "xenfs", xenfs),
         node("evtchn", "xen-evtchn", missing, "events between domains"),
         node("gntdev", "xen-gntdev", missing, "memory of guests, for QEMU's backends"),
         node("gntalloc", "xen-gntalloc", warning, "memory shared with guests (vchan)"),
         node("privcmd", "xen-privcmd", missing, "calls into Xen"),
         node("xenbus", "", missing, "xenstore")]
