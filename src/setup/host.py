# SPDX-License-Identifier: GPL-2.0-or-later
# What several facts need to know of a machine, looked up once: the distribution, the kernel, what Xen
# says of itself, the boot menu. Every property raises Unseen where it cannot be known.
import functools
import re

import distribution
import grub_menu
from kernel import Kernel
from machine import Unseen

XEN, KVM = "xen", "kvm"
XEN_DRIVER = "/usr/lib/xcp/hypervisor/libxl.so"
KVM_DRIVER = "/usr/lib/xcp/hypervisor/libvirt.so"
MENUS = ("/boot/grub/grub.cfg", "/boot/grub2/grub.cfg")


class Host:
    def __init__(self, machine):
        self.machine = machine

    # ---- the machine itself -------------------------------------------------------------------

    @functools.cached_property
    def distribution(self):
        return distribution.of(self.machine)

    @functools.cached_property
    def _uname(self):
        done = self.machine.run(["uname", "-rm"])
        if done is None or done.status != 0 or len(done.output.split()) != 2:
            raise Unseen("uname does not tell the kernel's release")
        return done.output.split()

    @property
    def architecture(self):
        return self._uname[1]

    @functools.cached_property
    def kernel(self):
        return Kernel(self.machine, self._uname[0])

    @functools.cached_property
    def cpuinfo(self):
        """Fields of the first processor, and "count"."""
        text = self.machine.read("/proc/cpuinfo") or ""
        fields = {}
        for line in text.split("\n\n", 1)[0].splitlines():
            key, _, value = line.partition(":")
            fields[key.strip()] = value.strip()
        if not fields:
            raise Unseen("/proc/cpuinfo says nothing")
        fields["count"] = len(re.findall(r"^processor\s*:", text, re.M))
        return fields

    @property
    def cpu_flags(self):
        if "flags" not in self.cpuinfo:
            raise Unseen("/proc/cpuinfo lists no flags")
        return set(self.cpuinfo["flags"].split())

    @functools.cached_property
    def kernel_memory_mib(self):
        """What the running kernel has: under Xen that is dom0's part."""
        match = re.search(r"^MemTotal:\s+(\d+) kB$", self.machine.read("/proc/meminfo") or "", re.M)
        if not match:
            raise Unseen("/proc/meminfo does not tell the memory")
        return int(match[1]) // 1024

    @functools.cached_property
    def dom0_memory_mib(self):
        """What Xen has given its first domain; the kernel itself counts less as its own."""
        text = self.machine.read("/sys/devices/system/xen_memory/xen_memory0/info/current_kb")
        if text is None or not text.strip().isdigit():
            return self.kernel_memory_mib
        return int(text) // 1024

    @property
    def memory_mib(self):
        """All of the machine's memory."""
        return int(self.xen_fact("total_memory")) if self.in_dom0 else self.kernel_memory_mib

    @property
    def cpus(self):
        """All of the machine's processors."""
        return int(self.xen_fact("nr_cpus")) if self.in_dom0 else self.cpuinfo["count"]

    # ---- Xen ----------------------------------------------------------------------------------

    @functools.cached_property
    def under_xen(self):
        return (self.machine.read("/sys/hypervisor/type") or "").strip() == "xen"

    @functools.cached_property
    def in_dom0(self):
        """Whether this is Xen's first domain. Without xenfs its number is known by its uuid."""
        if not self.under_xen:
            return False
        capabilities = self.machine.read("/proc/xen/capabilities")
        if capabilities is not None:
            return "control_d" in capabilities
        uuid = self.machine.read("/sys/hypervisor/uuid")
        if uuid is None:
            raise Unseen("neither /proc/xen/capabilities nor /sys/hypervisor/uuid tells which domain this is")
        return set(uuid.strip()) <= {"0", "-"}

    @functools.cached_property
    def xen_version(self):
        """Of the Xen that runs: "4.17", "4.17.7"."""
        parts = [self.machine.read(f"/sys/hypervisor/version/{part}") for part in ("major", "minor", "extra")]
        if parts[0] is None or parts[1] is None:
            raise Unseen("/sys/hypervisor/version does not tell Xen's version")
        short = f"{parts[0].strip()}.{parts[1].strip()}"
        return short, short + (parts[2] or "").strip()

    @functools.cached_property
    def _xen_info(self):
        if not self.machine.privileged:
            raise Unseen("only root may ask Xen (xl info)")
        done = self.machine.run(["xl", "info"])
        if done is None:
            raise Unseen("there is no xl to ask Xen with")
        if done.status != 0:
            raise Unseen("xl info: " + (done.errors.strip().splitlines() or ["failed without a word"])[-1])
        pairs = (line.partition(":") for line in done.output.splitlines())
        return {key.strip(): value.strip() for key, found, value in pairs if found}

    def xen_fact(self, name):
        """A line of xl info."""
        if name not in self._xen_info:
            raise Unseen(f"xl info does not tell {name}")
        return self._xen_info[name]

    @functools.cached_property
    def installed_xens(self):
        """Names of the hypervisors in /boot, without Debian's *.config and symbols."""
        return [name for name in self.machine.names("/boot")
                if re.fullmatch(r"xen[-.].*?(\.gz|\.efi)|xen\.gz", name) and not name.startswith("xen-syms")]

    # ---- boot ---------------------------------------------------------------------------------

    @functools.cached_property
    def menu(self):
        """GRUB's menu, or Unseen."""
        for name in MENUS:
            text = self.machine.read(name)
            if text is not None:
                try:
                    return grub_menu.Menu(text)
                except grub_menu.BadMenu as error:
                    raise Unseen(f"{name} cannot be understood: {error}") from None
        raise Unseen("there is no menu of GRUB in /boot; with another boot loader this is yours to look at")

    @functools.cached_property
    def next_entry(self):
        """What the next boot starts; None if the menu is empty."""
        for name in MENUS:
            text = self.machine.read(name.replace("grub.cfg", "grubenv"))
            if text is not None:
                return self.menu.default(grub_menu.environment(text))
        return self.menu.default({})

    @property
    def next_boot_is_xen(self):
        return self.next_entry is not None and self.next_entry.is_xen


def choose(host):
    """(XEN or KVM, why): what runs, else what fits."""
    if host.in_dom0:
        return XEN, "it runs"
    if host.installed_xens and (host.machine.exists(XEN_DRIVER) or not host.machine.exists(KVM_DRIVER)):
        return XEN, "it is installed"
    if host.machine.exists(KVM_DRIVER):
        return KVM, "its driver is installed"
    if host.distribution.has_xen and host.architecture == "x86_64":
        return XEN, f"{host.distribution.pretty} has it"
    return KVM, f"{host.distribution.pretty} has no Xen for this machine"


def last_option(words, name):
    """The value of the last NAME=VALUE, which is the one that counts; None without."""
    values = [word.split("=", 1)[1] for word in words if word.startswith(name + "=")]
    return values[-1] if values else None
