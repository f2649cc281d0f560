# SPDX-License-Identifier: GPL-2.0-or-later
# /etc/default/xcp-dom0: what the administrator wants of Xen's first domain. Shell variables, which the
# drop-in of grub-mkconfig reads; lines that are not ours are kept. A value is checked when it is set, with
# what the machine has; what it comes to at boot is the drop-in's own business (boot_preview.py asks it).
import re
import shlex

FILE = "/etc/default/xcp-dom0"
LEAST_MEMORY_MIB = 512
XEN_KEEPS_MIB = 256
SPEEDS = ("1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200")

OPENING = """\
# What Xen's first domain (dom0) gets. xcp-setup dom0 writes this file; after a change by hand run
# update-grub. The next boot has it.
"""
# Setting -> (variable, default, comment above it in a new file).
SETTINGS = {
    "memory": ("XCP_DOM0_MEMORY", "auto", "4G, 4096M, 25% of the machine's, or auto: 1 GiB and a sixteenth of the "
               "machine's, at most 8 GiB."),
    "vcpus": ("XCP_DOM0_VCPUS", "auto", "A number, or auto: one for each processor, at most 8."),
    "console": ("XCP_DOM0_CONSOLE", "auto", "com1,115200 or com2,... (for Xen and dom0), vga, or auto: a serial port "
                "if the kernel's command line has one."),
    "xen_options": ("XCP_XEN_OPTIONS", "", "More options for Xen's command line."),
}
DEFAULTS = {name: default for name, (_, default, _) in SETTINGS.items()}


class Refused(Exception):
    """The value cannot be; one line that names it."""


def _variable_line(line):
    """(setting, text after the =) if the line sets one of ours."""
    for name, (variable, _, _) in SETTINGS.items():
        if match := re.match(rf"\s*(?:export\s+)?{variable}=(.*)$", line):
            return name, match[1]
    return None


def read(text):
    """The settings in a file's text (None: there is no file)."""
    values = dict(DEFAULTS)
    for number, line in enumerate((text or "").splitlines(), 1):
        found = _variable_line(line)
        if found is None:
            continue
        try:
            words = shlex.split(found[1], comments=True)
        except ValueError as error:
            raise Refused(f"{FILE}, line {number}: {error}; mend it, or run xcp-setup dom0 --reset") from None
        if len(words) > 1 or any(sign in found[1] for sign in "$`"):
            raise Refused(f"{FILE}, line {number}: only a plain value is understood; mend it, or run "
                          "xcp-setup dom0 --reset")
        values[found[0]] = (words[0] if words else "") or DEFAULTS[found[0]]
    return values


def written(text, values):
    """The file's new text, or None if nothing but defaults would be in it."""
    if text is None or not text.strip():
        if values == DEFAULTS:
            return None
        return OPENING + "".join(f"\n# {comment}\n{_assignment(name, values)}\n"
                                 for name, (_, _, comment) in SETTINGS.items())
    lines, seen = [], set()
    for line in text.splitlines():
        found = _variable_line(line)
        if found is None:
            lines.append(line)
        elif found[0] not in seen:
            seen.add(found[0])
            lines.append(_assignment(found[0], values))
    lines += [_assignment(name, values) for name in SETTINGS if name not in seen]
    if values == DEFAULTS and not _others(lines):
        return None
    return "\n".join(lines) + "\n"


def _others(lines):
    """Lines that somebody else wrote."""
    ours = {line.strip() for line in OPENING.splitlines()} | {"# " + row[2] for row in SETTINGS.values()} | {""}
    return [line for line in lines if _variable_line(line) is None and line.strip() not in ours]


def _assignment(name, values):
    return f"{SETTINGS[name][0]}={shlex.quote(values[name])}"


# ---- values from the command line -------------------------------------------------------------

def memory(text, total_mib):
    """The value as it is stored; Refused if it cannot be on a machine with so many MiB."""
    if text == "auto":
        return text
    match = re.fullmatch(r"([1-9]\d{0,7})\s*(?:([GM])(?:i?B)?|(%))", text, re.I)
    if not match:
        raise Refused(f"memory '{text}' is not understood: write 4G, 4096M, 25% or auto")
    number = int(match[1])
    unit = (match[2] or match[3]).upper()
    mib = {"G": number * 1024, "M": number, "%": number * total_mib // 100}[unit]
    if mib < LEAST_MEMORY_MIB:
        raise Refused(f"memory {text} is {mib} MiB: dom0 needs {LEAST_MEMORY_MIB} MiB at least")
    if mib > total_mib - XEN_KEEPS_MIB:
        raise Refused(f"memory {text} is {mib} MiB: the machine has {total_mib} MiB, of which Xen needs "
                      f"{XEN_KEEPS_MIB}")
    return f"{number}{unit}"


def vcpus(text, cpus):
    if text == "auto":
        return text
    if not re.fullmatch(r"\d{1,5}", text):
        raise Refused(f"vcpus '{text}' is not understood: write a number or auto")
    if int(text) < 1:
        raise Refused("vcpus 0: dom0 needs one at least")
    if int(text) > cpus:
        raise Refused(f"vcpus {text}: the machine has {cpus}")
    return str(int(text))


def console(text):
    if text in ("auto", "vga", "com1", "com2"):
        return text
    match = re.fullmatch(r"(com[12]),(\d+)((?:,[78][noe][12])?)", text)
    if not match:
        raise Refused(f"console '{text}' is none that Xen knows: write com1,115200 or com2,115200, vga or auto")
    if match[2] not in SPEEDS:
        raise Refused(f"console {text}: no serial port has the speed {match[2]}; known are {', '.join(SPEEDS)}")
    return text


def xen_options(text):
    text = " ".join(text.split())
    if bad := re.search(r"[^A-Za-z0-9 ,.:=_/+@%^\[\]-]", text):
        raise Refused(f"xen options: '{bad[0]}' has a meaning of its own for GRUB or the shell")
    for word in text.split():
        for option, name in (("dom0_mem", "memory"), ("dom0_max_vcpus", "vcpus"), ("console", "console")):
            if word.split("=", 1)[0] == option:
                raise Refused(f"xen options: {word} has an option of its own, --{name}")
    return text
