# SPDX-License-Identifier: GPL-2.0-or-later
# The services that have to run, and the one that must not touch our guests.
from findings import Fact, missing, not_needed, ok, warning
from host import KVM_DRIVER, XEN_DRIVER
from machine import Unseen

GROUP = "Services"
DROP_INS = [f"{place}/systemd/system/xendomains.service.d/xcp.conf" for place in ("/usr/lib", "/lib")]
XENDOMAINS = ("/etc/init.d/xendomains", "/usr/lib/systemd/system/xendomains.service")


def unit_state(host, unit):
    """(LoadState, ActiveState) of a unit."""
    done = host.machine.run(["systemctl", "show", "-p", "LoadState,ActiveState", unit])
    if done is None or done.status != 0:
        said = [] if done is None else done.errors.strip().splitlines()
        raise Unseen("systemd does not answer: " + (
            "there is no systemctl" if done is None else said[0] if said else f"status {done.status}"))
    fields = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
    if set(fields) != {"LoadState", "ActiveState"}:
        raise Unseen(f"systemctl show says of {unit} what is not understood")
    return fields["LoadState"], fields["ActiveState"]


def process(label, names, unit):
    def look(host):
        if not host.in_dom0:
            return not_needed("starts with Xen")
        if set(names) & host.machine.processes():
            return ok("runs")
        return missing("does not run", f"systemctl start {unit}")
    return Fact(GROUP, label, look)


def dom0_record(host):
    """xen-init-dom0 writes the first domain into xenstore, where all tools look for it."""
    if not host.in_dom0:
        return not_needed("written when Xen starts")
    if not host.machine.privileged:
        raise Unseen("only root may read xenstore")
    done = host.machine.run(["xenstore-read", "/local/domain/0/name"])
    if done is None:
        raise Unseen("there is no xenstore-read; " + host.distribution.install("xenstore-utils", "xen-runtime"))
    if done.status == 0 and done.output.strip():
        return ok(f"in xenstore as {done.output.strip()}")
    return missing("not in xenstore: xen-init-dom0 has not run", "systemctl restart xen.service")


def xendomains(host):
    if not any(host.machine.exists(name) for name in XENDOMAINS):
        return not_needed("not installed")
    if any(host.machine.exists(name) for name in DROP_INS):
        return ok("leaves our guests alone")
    if not host.machine.exists(XEN_DRIVER):
        return not_needed("of concern with xcp-hypervisor-xen only")
    return warning("saves our guests behind our back when the host goes down",
                   host.distribution.install("--reinstall xcp-hypervisor-xen", "xcp-hypervisor-xen"))


def unit(name, driver, concerns, lacking=missing):
    """A unit of ours that has to be active where its package is there."""
    def look(host):
        if not concerns(host):
            return not_needed("starts with Xen")
        if not host.machine.exists(driver):
            return not_needed("has nothing to do without its driver")
        load, active = unit_state(host, name)
        if load == "not-found":
            return not_needed("not installed")
        if active == "active":
            return ok("active")
        return lacking(active, f"systemctl start {name}; systemctl status {name} says why it stopped")
    return Fact(GROUP, name.removesuffix(".service"), look)


def libvirt(host):
    sockets = ("libvirtd.socket", "virtqemud.socket", "libvirtd.service", "virtqemud.service")
    states = [unit_state(host, name) for name in sockets]
    if any(active == "active" for _, active in states):
        return ok("answers")
    if any(load == "loaded" for load, _ in states):
        return missing("does not run", "systemctl enable --now libvirtd.socket")
    return missing("not installed", host.distribution.install("libvirt-daemon-system", "libvirt-daemon-driver-qemu"))


def always(_host):
    return True


def _in_dom0(host):
    return host.in_dom0


XEN = [process("xenstored", ("xenstored", "oxenstored"), "xen.service"),
       process("xenconsoled", ("xenconsoled",), "xen.service"),
       Fact(GROUP, "dom0's record", dom0_record), Fact(GROUP, "xendomains", xendomains),
       unit("xcp-hypervisord.service", XEN_DRIVER, _in_dom0),
       unit("xcp-guests.service", XEN_DRIVER, _in_dom0, warning)]
KVM = [Fact(GROUP, "libvirt", libvirt), unit("xcp-hypervisord.service", KVM_DRIVER, always)]
