# SPDX-License-Identifier: GPL-2.0-or-later
# What the boot entries will say, asked of the very files that grub-mkconfig reads, in a shell of its own;
# so nothing is computed twice. And whether a boot entry already says it.
from dataclasses import dataclass

import host as hosts
from machine import Unseen

# As grub-mkconfig does it: /etc/default/grub, then the drop-ins in their order. The stand-ins are for what
# drop-ins call of grub-mkconfig's own functions.
SCRIPT = r"""
set -e
XCP_ROOT=$1 XCP_DOM0_SETTINGS=$2
gettext() { printf '%s' "$*"; }
gettext_printf() { printf "$@"; }
grub_warn() { :; }
exec 3>&1 >/dev/null
if [ -f "$XCP_ROOT/etc/default/grub" ]; then . "$XCP_ROOT/etc/default/grub"; fi
for file in "$XCP_ROOT"/etc/default/grub.d/*.cfg; do
    if [ -e "$file" ]; then . "$file"; fi
done
printf 'xen %s %s\n' "${GRUB_CMDLINE_XEN:-}" "${GRUB_CMDLINE_XEN_DEFAULT:-}" >&3
printf 'kernel %s %s\n' "${GRUB_CMDLINE_LINUX_XEN_REPLACE:-${GRUB_CMDLINE_LINUX:-}}" \
    "${GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT:-${GRUB_CMDLINE_LINUX_DEFAULT:-}}" >&3
"""
# Xen options of ours that must be in the entry for it to be up to date.
COMPARED = ("dom0_mem", "dom0_max_vcpus", "console")
# What grub-mkconfig and the menu add for themselves.
ADDED = {"placeholder", "no-real-mode", "edd=off", "flask=enforcing"}


@dataclass
class Options:
    """Words of Xen's and of dom0's kernel's command line."""
    xen: list
    kernel: list
    warnings: list

    @property
    def memory_mib(self):
        return memory_mib(self.xen)

    def facts(self):
        """What counts of it, by the names of the settings."""
        return {"memory": hosts.last_option(self.xen, "dom0_mem"),
                "vcpus": hosts.last_option(self.xen, "dom0_max_vcpus"),
                "console": hosts.last_option(self.xen, "console"),
                "kernel_console": hosts.last_option(self.kernel, "console")}


def preview(machine, settings_file):
    """The options of the entries that would be made now with this file of settings (a path)."""
    done = machine.run(["sh", "-c", SCRIPT, "sh", machine.root, settings_file])
    if done is None or done.status != 0:
        why = "there is no sh" if done is None else (done.errors.strip().splitlines() or ["no reason told"])[-1]
        raise Unseen(f"/etc/default/grub and /etc/default/grub.d cannot be read as GRUB does: {why}")
    found = {"xen": [], "kernel": []}
    for line in done.output.splitlines():
        key, _, words = line.partition(" ")
        if key in found:
            found[key] = words.split()
    warnings = [line for line in done.errors.splitlines() if "xcp-dom0" in line]
    return Options(found["xen"], found["kernel"], warnings)


def memory_mib(words):
    """What dom0_mem gives dom0 at its start, in MiB; None if it is not told in a way we write it."""
    size = (hosts.last_option(words, "dom0_mem") or "").split(",")[0]
    number, unit = size[:-1], size[-1:].upper()
    if not number.isdigit() or unit not in ("M", "G"):
        return None
    return int(number) * (1024 if unit == "G" else 1)


def says_it(entry, wanted):
    """Whether a boot entry has what `wanted` would give. Sizes may differ a little: how much memory the
    machine has is seen a little differently under Xen and without it."""
    for name in COMPARED:
        has, wants = hosts.last_option(entry.xen_options, name), hosts.last_option(wanted.xen, name)
        if name == "dom0_mem" and has and wants and has != wants:
            sizes = memory_mib(entry.xen_options), wanted.memory_mib
            if None in sizes or abs(sizes[0] - sizes[1]) * 16 > max(sizes):
                return False
        elif has != wants:
            return False
    return _others(entry.xen_options) == _others(wanted.xen)


def _others(words):
    """The words that are neither compared on their own nor added by grub-mkconfig itself."""
    return {word for word in words if word.split("=", 1)[0] not in COMPARED} - ADDED
