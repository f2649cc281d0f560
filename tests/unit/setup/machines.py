# SPDX-License-Identifier: GPL-2.0-or-later
# Made-up machines: a directory that stands for /, and what programs answer on it. Each is what the
# one before it is, changed as an installation or a reboot would.
import contextlib
import pathlib
import shutil
import tempfile

import loading
from machine import Machine, Ran, run_program

RELEASE = "6.1.0-56-amd64"
DRIVERS = {"XENFS": "xenfs", "XEN_PRIVCMD": "xen-privcmd", "XEN_DEV_EVTCHN": "xen-evtchn",
           "XEN_GNTDEV": "xen-gntdev", "XEN_GRANT_DEV_ALLOC": "xen-gntalloc", "XEN_NETDEV_BACKEND": "xen-netback",
           "XEN_BLKDEV_BACKEND": "xen-blkback", "XEN_PCIDEV_BACKEND": "xen-pciback",
           "XEN_SCSI_BACKEND": "xen-scsiback", "XEN_ACPI_PROCESSOR": "xen-acpi-processor", "TUN": "tun",
           "BRIDGE": "bridge", "OPENVSWITCH": "openvswitch", "VHOST_NET": "vhost_net",
           "KVM_INTEL": "kvm-intel", "KVM_AMD": "kvm-amd"}
BUILT_IN = ("XEN", "XEN_DOM0", "XEN_PV", "XEN_PV_DOM0", "XEN_BALLOON")
XEN_OPTIONS = "dom0_mem=2048M,max:2048M dom0_max_vcpus=1-8 console=vga"


def menu(default, xen_options=None):
    """A boot menu of the shape that grub-mkconfig writes; with Xen if there are options for it."""
    linux = f"\tlinux\t/boot/vmlinuz-{RELEASE} root=/dev/vda1 ro quiet\n"
    text = ('if [ "${next_entry}" ] ; then\n   set default="${next_entry}"\nelse\n'
            f'   set default="{default}"\nfi\n'
            "function savedefault {\n  if [ -z \"${boot_once}\" ]; then\n    save_env saved_entry\n  fi\n}\n"
            f"menuentry 'Debian GNU/Linux' --class os $menuentry_id_option 'gnulinux-simple-1' {{\n{linux}}}\n")
    if xen_options is not None:
        xen = ('        if [ "$grub_platform" = "pc" ]; then\n            xen_rm_opts=\n        fi\n'
               f"\tmultiboot2\t/boot/xen-4.17-amd64.gz placeholder  %s ${{xen_rm_opts}}\n"
               f"\tmodule2\t/boot/vmlinuz-{RELEASE} placeholder root=/dev/vda1 ro quiet\n"
               f"\tmodule2\t--nounzip   /boot/initrd.img-{RELEASE}\n")
        text += ("menuentry 'Debian GNU/Linux, with Xen hypervisor' --class xen $menuentry_id_option "
                 f"'xen-gnulinux-simple-1' {{\n{xen % xen_options}}}\n"
                 "submenu 'Advanced options' $menuentry_id_option 'advanced-1' {\n"
                 "\tmenuentry 'Debian GNU/Linux, with Xen 4.17 (recovery mode)' $menuentry_id_option "
                 f"'xen-recovery-1' {{\n{xen % ''}\t}}\n}}\n")
    return text


class MadeUp:
    """`programs` is what they answer: {arguments joined by blanks, or the first of them: Ran, a function
    of the arguments, or an exception}. The shell is real."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="machine."))
        self.programs = {"uname -rm": Ran(0, f"{RELEASE} x86_64\n")}
        self.called = []
        self.privileged = True

    def machine(self):
        return Machine(self.directory, self.run, self.privileged)

    def run(self, arguments, _seconds=0):
        self.called.append(" ".join(arguments))
        for key in (" ".join(arguments), arguments[0]):
            answer = self.programs.get(key)
            if answer is not None:
                if isinstance(answer, Exception):
                    raise answer
                return answer(arguments) if callable(answer) else answer
        if arguments[0] == "sh":
            return run_program(arguments)
        return None

    def put(self, name, text=""):
        path = self.directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)

    def take(self, name):
        path = self.directory / name.lstrip("/")
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def text(self, name):
        return (self.directory / name.lstrip("/")).read_text()

    def has(self, name):
        return (self.directory / name.lstrip("/")).exists()

    def load(self, *modules):
        for module in modules:
            self.put(f"/sys/module/{module.replace('-', '_')}/initstate", "live\n")

    def units(self, **states):
        """{unit without .service: ActiveState}; others are not there."""
        def answer(arguments):
            state = states.get(arguments[-1].removesuffix(".service").replace("-", "_").replace(".", "_"))
            return Ran(0, f"LoadState={'loaded' if state else 'not-found'}\nActiveState={state or 'inactive'}\n")
        self.programs["systemctl"] = answer

    def close(self):
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def made(builder):
    """A machine that goes away."""
    machine = MadeUp()
    try:
        builder(machine)
        yield machine
    finally:
        machine.close()


def cpu(machine, flags="fpu lm vmx ept", vendor="GenuineIntel", count=4):
    machine.put("/proc/cpuinfo", "\n".join(
        f"processor\t: {number}\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n" for number in range(count)) + "\n")


def memory(machine, mib):
    machine.put("/proc/meminfo", f"MemTotal:       {mib * 1024} kB\nMemFree:         1000 kB\n")


def config(machine, without=()):
    values = [f"CONFIG_{name}=y" for name in BUILT_IN] + [f"CONFIG_{name}=m" for name in DRIVERS]
    machine.put(f"/boot/config-{RELEASE}", "".join(
        line + "\n" if line.split("=")[0].removeprefix("CONFIG_") not in without
        else f"# {line.split('=')[0]} is not set\n" for line in values))
    machine.put(f"/lib/modules/{RELEASE}/modules.dep", "".join(
        f"kernel/drivers/{module}.ko:\n" for name, module in DRIVERS.items() if name not in without))
    machine.put(f"/lib/modules/{RELEASE}/modules.builtin", "kernel/drivers/xen/xenbus/xenbus.ko\n")


def debian(machine):
    """A Debian 12 on a PC, as installed."""
    machine.put("/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')
    cpu(machine)
    memory(machine, 16000)
    config(machine)
    machine.put("/sys/firmware/acpi/tables/DMAR")
    machine.put("/boot/grub/grub.cfg", menu("0"))
    machine.put("/boot/grub/grubenv", "# GRUB Environment Block\n####")
    machine.put("/etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n')
    machine.put("/etc/default/grub.d/.keep")
    machine.units()


def xen_installed(machine):
    """The same after apt-get install xcp-xapi xcp-hypervisor-xen, before the reboot."""
    debian(machine)
    for name in ("/boot/xen-4.17-amd64.gz", "/boot/xen-4.17-amd64.config", "/etc/init.d/xendomains",
                 "/usr/lib/xen-4.17/bin/xl", "/usr/lib/xcp/hypervisor/libxl.so",
                 "/lib/systemd/system/xendomains.service.d/xcp.conf", "/usr/libexec/xen-qemu-system-i386",
                 "/usr/lib/grub-xen/grub-x86_64-xen.bin", "/usr/lib/grub-xen/grub-i386-xen_pvh.bin",
                 "/usr/share/ovmf/OVMF.fd"):
        machine.put(name)
    machine.put("/etc/default/grub.d/zz-xcp-hypervisor-xen.cfg", loading.DROP_IN.read_text())
    machine.put("/boot/grub/grub.cfg", menu("Debian GNU/Linux, with Xen hypervisor", XEN_OPTIONS))


def under_xen(machine):
    """The same after the reboot."""
    xen_installed(machine)
    cpu(machine, flags="fpu lm hypervisor", count=4)
    memory(machine, 1950)
    for name, text in {"type": "xen", "uuid": "00000000-0000-0000-0000-000000000000", "version/major": "4",
                       "version/minor": "17", "version/extra": ".7-pre",
                       "properties/capabilities": "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_64"}.items():
        machine.put(f"/sys/hypervisor/{name}", text + "\n")
    machine.put("/proc/xen/capabilities", "control_d\n")
    machine.put("/sys/devices/system/xen_memory/xen_memory0/info/current_kb", f"{2048 * 1024}\n")
    for name in ("evtchn", "gntdev", "gntalloc", "privcmd", "xenbus"):
        machine.put(f"/dev/xen/{name}")
    for number, name in enumerate(("oxenstored", "xenconsoled", "systemd")):
        machine.put(f"/proc/{300 + number}/comm", name + "\n")
    machine.load("xenfs", "xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-netback", "xen-blkback",
                 "xen-pciback", "tun", "bridge", "xen-acpi-processor")
    machine.programs["xl info"] = Ran(0, "nr_cpus                : 8\ntotal_memory           : 16383\n"
                                      "virt_caps              : pv hvm hvm_directio pv_directio hap shadow\n"
                                      f"xen_commandline        : placeholder {XEN_OPTIONS} no-real-mode edd=off\n")
    machine.programs["xenstore-read"] = Ran(0, "Domain-0\n")
    machine.units(xcp_hypervisord="active", xcp_guests="active")


def kvm_host(machine):
    """A Debian with KVM."""
    debian(machine)
    for name in ("/dev/kvm", "/dev/vhost-net", "/usr/lib/xcp/hypervisor/libvirt.so", "/usr/bin/qemu-system-x86_64",
                 "/usr/share/OVMF/OVMF_CODE_4M.fd", "/sys/class/iommu/dmar0"):
        machine.put(name)
    machine.put("/sys/module/kvm_intel/parameters/nested", "Y\n")
    machine.load("kvm_intel", "vhost_net", "tun", "bridge")
    machine.units(libvirtd_socket="active", xcp_hypervisord="active")


def neither(machine):
    """A Rocky Linux in a virtual machine without nested virtualization: /dev/kvm is offered and lies."""
    machine.put("/etc/os-release", 'ID="rocky"\nID_LIKE="rhel centos fedora"\nPRETTY_NAME="Rocky Linux 9"\n')
    cpu(machine, flags="fpu lm hypervisor")
    memory(machine, 900)
    config(machine, without=(*BUILT_IN, *DRIVERS))
    machine.put("/dev/kvm")
    machine.units()


def broken(machine):
    """A host under Xen on which much went wrong."""
    under_xen(machine)
    config(machine, without=("XEN_NETDEV_BACKEND", "XEN_GRANT_DEV_ALLOC", "XEN_SCSI_BACKEND"))
    machine.put("/lib/modules/" + RELEASE + "/modules.dep", "kernel/drivers/xen-gntdev.ko:\n")
    for name in ("/sys/module/xen_netback", "/sys/module/xen_gntalloc", "/sys/module/xen_blkback",
                 "/sys/module/xen_gntdev", "/dev/xen/gntdev", "/dev/xen/gntalloc", "/proc/301",
                 "/usr/lib/xen-4.17", "/lib/systemd/system/xendomains.service.d",
                 "/usr/libexec/xen-qemu-system-i386", "/usr/lib/grub-xen/grub-i386-xen_pvh.bin",
                 "/etc/default/grub.d/zz-xcp-hypervisor-xen.cfg"):
        machine.take(name)
    machine.put("/boot/grub/grub.cfg", menu("gnulinux-simple-1", ""))
    machine.programs["xenstore-read"] = Ran(1, "", "xenstore-read: couldn't read path\n")
    machine.programs["xl info"] = Ran(1, "", "xl: libxl: error\ncannot open xenstore\n")
    machine.units(xcp_hypervisord="failed")
