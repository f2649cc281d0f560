# SPDX-License-Identifier: GPL-2.0-or-later
# Programs and firmware that guests need, where each family of distributions has its hypervisor look.
from findings import Fact, missing, ok, warning
from distribution import DEBIAN, FEDORA

GROUP = "Programs"


def program(name, places, need, without, debian, fedora=None):
    """There if all files of any of the places are; `places` is by family, or one list for all."""
    def look(host):
        family = host.distribution.family
        for files in places.get(family, places[DEBIAN]) if isinstance(places, dict) else places:
            if all(host.machine.exists(file) for file in files):
                return ok(files[0])
        return need(without, host.distribution.install(debian, fedora))
    return Fact(GROUP, name, look)


XEN = [
    program("QEMU for Xen", {DEBIAN: [["/usr/libexec/xen-qemu-system-i386"]],
                             FEDORA: [["/usr/lib/xen/bin/qemu-system-i386"], ["/usr/bin/qemu-system-i386"]]},
            missing, "not there: no hvm guests, no disks in image files", "qemu-system-xen", "qemu-system-x86-core"),
    program("grub-xen", [["/usr/lib/grub-xen/grub-x86_64-xen.bin", "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"]],
            warning, "not there: pv and pvh guests cannot start from their own disks", "grub-xen-host", ""),
    program("UEFI firmware", {DEBIAN: [["/usr/share/ovmf/OVMF.fd"]],
                              FEDORA: [["/usr/lib/xen/boot/ovmf.bin"], ["/usr/share/edk2/xen/OVMF.fd"]]},
            warning, "not there: hvm guests start with BIOS only", "ovmf", "edk2-ovmf-xen"),
]
KVM = [
    program("QEMU", [["/usr/bin/qemu-system-x86_64"], ["/usr/libexec/qemu-kvm"]], missing, "not there",
            "qemu-system-x86", "qemu-system-x86-core"),
    program("UEFI firmware", [["/usr/share/OVMF/OVMF_CODE_4M.fd"], ["/usr/share/OVMF/OVMF_CODE.fd"],
                              ["/usr/share/edk2/ovmf/OVMF_CODE.fd"]],
            warning, "not there: guests start with BIOS only", "ovmf", "edk2-ovmf"),
]
