# SPDX-License-Identifier: GPL-2.0-or-later
# Which distribution this is, as far as it matters: how packages are installed, how GRUB's menu is made,
# and whether it has a Xen whose first domain can be its own kernel.
import shlex

from machine import Unseen

DEBIAN, FEDORA, OTHER = "debian", "fedora", "other"
# Red Hat's own kernels have no support for Xen's first domain, and there is no Xen beside them.
WITHOUT_XEN = {"rhel", "centos", "rocky", "almalinux", "ol"}


class Distribution:
    def __init__(self, identity, likes, pretty):
        self.pretty = pretty or identity or "this distribution"
        names = [identity, *likes]
        self.family = OTHER
        if "debian" in names or "ubuntu" in names:
            self.family = DEBIAN
        elif "fedora" in names or "rhel" in names or "centos" in names:
            self.family = FEDORA
        self.has_xen = self.family != OTHER and identity not in WITHOUT_XEN

    def install(self, debian, fedora=None):
        """The command that installs packages, named for each family; fedora=None: the same names,
        fedora="": Fedora has no such package."""
        names = debian if fedora is None else fedora
        if self.family == DEBIAN:
            return f"apt-get install {debian}"
        if self.family == FEDORA and names:
            return f"dnf install {names}"
        return f"install what Debian calls {debian}"

    @property
    def make_boot_menu(self):
        """The command that writes GRUB's menu."""
        if self.family == FEDORA:
            return ["grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"]
        return ["update-grub"]


def of(machine):
    """Never Unseen: what to do is then told by Debian's names."""
    try:
        text = machine.read("/etc/os-release") or machine.read("/usr/lib/os-release") or ""
    except Unseen:
        text = ""
    fields = {}
    for line in text.splitlines():
        key, found, value = line.partition("=")
        if found and not key.startswith("#"):
            try:
                fields[key.strip()] = " ".join(shlex.split(value))
            except ValueError:
                fields[key.strip()] = value
    return Distribution(fields.get("ID", ""), fields.get("ID_LIKE", "").split(), fields.get("PRETTY_NAME", ""))
