# SPDX-License-Identifier: GPL-2.0-or-later
# xcp-setup dom0: shows and changes what Xen's first domain gets at boot. A change is the file of settings
# and a new boot menu; if the menu cannot be made the file is as before. What runs now is never touched.
import contextlib
import fcntl
import json
import os
import sys
import tempfile

import boot_preview
import dom0_settings
import grub_menu
import host as hosts
from boot_preview import says_it
from facts.boot import DROP_IN
from machine import Unseen
from refusal import CannotDo

NAME = "dom0"
SUMMARY = "memory, vCPUs and console of Xen's first domain"
MENU_SECONDS = 600
LABELS = {"memory": "memory", "vcpus": "vCPUs", "console": "console", "xen_options": "Xen options"}


def add_arguments(parser):
    parser.description = ("Without options: what is set, what runs, and what the next boot will have. "
                          "With options: changes it for the next boot.")
    parser.add_argument("--memory", metavar="SIZE", help="4G, 4096M, 25%% of the machine's, or auto")
    parser.add_argument("--vcpus", metavar="N", help="number of vCPUs, or auto")
    parser.add_argument("--console", metavar="WHICH", help="com1,115200 or com2,...; vga; or auto")
    parser.add_argument("--xen-options", metavar="TEXT", help="more options for Xen's command line; '' for none")
    parser.add_argument("--reset", action="store_true", help="everything as it was installed")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args, machine, out):
    host = hosts.Host(machine)
    if not machine.exists(hosts.XEN_DRIVER) or not machine.exists(DROP_IN):
        raise CannotDo("Xen's boot settings come with xcp-hypervisor-xen, which is not installed whole here; "
                       "xcp-host-check says what to do")
    try:
        text = machine.read(dom0_settings.FILE)
        current = dom0_settings.DEFAULTS if args.reset else dom0_settings.read(text)
    except dom0_settings.Refused as refused:
        raise CannotDo(str(refused)) from None
    given = (args.memory, args.vcpus, args.console, args.xen_options)
    if args.reset or any(value is not None for value in given):
        return change(args, host, text, current, out)
    return show(args, host, current, out)


# ---- showing ----------------------------------------------------------------------------------

def running(host):
    """What runs now; None where it cannot be known, with the reason in "unseen"."""
    facts = {"hypervisor": None, "memory_mib": None, "vcpus": None, "xen_options": None, "unseen": []}

    def learn(name, look):
        try:
            facts[name] = look()
        except Unseen as reason:
            facts["unseen"].append(str(reason))

    if host.in_dom0:
        learn("hypervisor", lambda: f"Xen {host.xen_version[1]}")
        learn("memory_mib", lambda: host.dom0_memory_mib)
        learn("vcpus", lambda: host.cpuinfo["count"])
        learn("xen_options", lambda: [word for word in host.xen_fact("xen_commandline").split()
                                      if word != "placeholder"])
    return facts


def next_boot(host):
    """What the menu of this moment will start; None where it cannot be known."""
    try:
        entry = host.next_entry
    except Unseen as reason:
        return None, str(reason)
    if entry is None:
        return None, "the boot menu is empty"
    options = boot_preview.Options(entry.xen_options, entry.kernel_options, [])
    return {"entry": entry.title, "xen": entry.is_xen,
            **(options.facts() if entry.is_xen else dict.fromkeys(options.facts()))}, ""


def next_step(host, wanted):
    """The one thing to do next, or None."""
    if host.in_dom0 and not host.machine.privileged:
        return "look at this as root, who alone sees all of the machine's memory"
    try:
        entry = host.next_entry
    except Unseen as reason:
        return f"see that your boot loader gives Xen these options ({reason})"
    if entry is None or not entry.is_xen:
        return "make an entry with Xen the default of the boot menu; xcp-host-check says how"
    if not says_it(entry, wanted):
        return f"{' '.join(host.distribution.make_boot_menu)}, because the boot menu is older than the settings"
    if not host.in_dom0:
        return "reboot, which starts Xen"
    try:
        now = grub_menu.Entry("", commands=[["multiboot2", "/xen", *host.xen_fact("xen_commandline").split()]])
    except Unseen:
        return None
    return None if says_it(now, wanted) else "reboot, for the new settings"


def show(args, host, current, out):
    wanted = boot_preview.preview(host.machine, str(host.machine.path(dom0_settings.FILE)))
    now = running(host)
    boot, why_not = next_boot(host)
    step = next_step(host, wanted)
    if args.json:
        print(json.dumps({"settings": current, "running": now, "next_boot": boot, "next_step": step,
                          "warnings": wanted.warnings}, indent=2), file=out)
        return 0
    print(f"Settings ({dom0_settings.FILE})", file=out)
    for name, label in LABELS.items():
        print(f"  {label:<13}{current[name] or 'none'}", file=out)
    for warning in wanted.warnings:
        print(f"  warning: {warning}", file=out)
    print("Running now", file=out)
    if now["hypervisor"] is None and not now["unseen"]:
        print("  no Xen", file=out)
    else:
        print(f"  {now['hypervisor']}; dom0 has {now['memory_mib']} MiB and {now['vcpus']} vCPUs", file=out)
        if now["xen_options"] is not None:
            print(f"  Xen's options: {' '.join(now['xen_options']) or 'none'}", file=out)
        for reason in now["unseen"]:
            print(f"  not seen: {reason}", file=out)
    print("Next boot", file=out)
    if boot is None:
        print(f"  not known: {why_not}", file=out)
    else:
        print(f"  {boot['entry']}", file=out)
        for name in ("memory", "vcpus", "console", "kernel_console") if boot["xen"] else ():
            print(f"  {LABELS.get(name, 'its kernel'):<13}{boot[name] or 'not told'}", file=out)
    say_next(step, out)
    return 0


def say_next(step, out):
    print(f"Next step: {step}" if step else "Nothing is left to do.", file=out)


# ---- changing ---------------------------------------------------------------------------------

def wanted_values(args, host, current):
    """The settings after this command; CannotDo where a value cannot be."""
    values = dict(current)
    try:
        if args.memory is not None:
            values["memory"] = dom0_settings.memory(args.memory, host.memory_mib)
        if args.vcpus is not None:
            values["vcpus"] = dom0_settings.vcpus(args.vcpus, host.cpus)
        if args.console is not None:
            values["console"] = dom0_settings.console(args.console)
        if args.xen_options is not None:
            values["xen_options"] = dom0_settings.xen_options(args.xen_options)
    except dom0_settings.Refused as refused:
        raise CannotDo(str(refused), status=2) from None
    return values


def preview_of(machine, text):
    """What the boot entries would say with this text in the file of settings."""
    with tempfile.NamedTemporaryFile("w", prefix="xcp-dom0.") as draft:
        draft.write(text or "")
        draft.flush()
        return boot_preview.preview(machine, draft.name)


def check_taken(values, wanted):
    """Explicit settings must be in the entries; a file that GRUB reads after ours may undo them."""
    facts = wanted.facts()
    undone = []
    if values["memory"] != "auto" and (wanted.memory_mib is None or (
            not values["memory"].endswith("%") and wanted.memory_mib != boot_preview.memory_mib(
                [f"dom0_mem={values['memory']}"]))):
        undone.append(f"dom0_mem={facts['memory']}")
    if values["vcpus"] not in ("auto", facts["vcpus"]):
        undone.append(f"dom0_max_vcpus={facts['vcpus']}")
    if values["console"] != "auto" and (facts["console"] or "").split(",")[0] != values["console"].split(",")[0]:
        undone.append(f"console={facts['console']}")
    undone += [word for word in values["xen_options"].split() if word not in wanted.xen]
    if undone:
        raise CannotDo(f"a file of /etc/default/grub.d that is read after ours undoes this: {', '.join(undone)}; "
                       "look for GRUB_CMDLINE_XEN there")


def change(args, host, text, current, out):
    machine = host.machine
    if host.in_dom0 and not machine.privileged:
        raise CannotDo("under Xen only root sees what the machine has")
    values = wanted_values(args, host, current)
    new_text = dom0_settings.written(text, values)
    wanted = preview_of(machine, new_text)
    check_taken(values, wanted)
    before = dom0_settings.DEFAULTS if text is None else _readable(text)
    changes = [{"setting": name, "from": before[name], "to": values[name]}
               for name in LABELS if before[name] != values[name]]
    up_to_date = new_text == text and _menu_seems_to_have(host, wanted)
    report = {"changes": changes, "boot": wanted.facts(), "applied": False, "next_step": None}
    if not args.json:
        describe(changes, wanted, up_to_date, out)
    if args.dry_run:
        return finish(args, report, None, out)
    if not up_to_date:
        if not machine.privileged:
            raise CannotDo("only root may change this")
        ask(args)
        apply(host, text, new_text)
        host = hosts.Host(machine)  # what it knew of the menu is old now
        report["applied"] = True
        if not _menu_has(host, wanted):
            raise CannotDo("the boot menu was made anew and has no entry with these options; "
                           f"look at /etc/grub.d, and at what {dom0_settings.FILE} says")
    report["next_step"] = next_step(host, wanted)
    return finish(args, report, report["next_step"], out)


def _readable(text):
    """The settings of the file, for telling what changes; as installed where it cannot be read."""
    try:
        return dom0_settings.read(text)
    except dom0_settings.Refused:
        return dict.fromkeys(LABELS, "unreadable")


def _menu_has(host, wanted):
    """Whether some entry of the menu has the options."""
    return any(entry.is_xen and says_it(entry, wanted) for entry in host.menu.all())


def _menu_seems_to_have(host, wanted):
    """The same where the menu may not be seen: then it is better made anew."""
    try:
        return _menu_has(host, wanted)
    except Unseen:
        return False


def describe(changes, wanted, up_to_date, out):
    if up_to_date:
        print("Nothing to change.", file=out)
        return
    print("For the next boot:", file=out)
    for item in changes:
        print(f"  {LABELS[item['setting']]:<13}{item['from'] or 'none'} -> {item['to'] or 'none'}", file=out)
    print(f"  Xen gets     {' '.join(wanted.xen)}", file=out)
    print(f"  its kernel   {' '.join(wanted.kernel) or 'nothing of its own'}", file=out)
    if not changes:
        print("  (the settings are so already; the boot menu is older)", file=out)


def finish(args, report, step, out):
    if args.json:
        print(json.dumps(report, indent=2), file=out)
    elif args.dry_run:
        print("Nothing was changed.", file=out)
    else:
        say_next(step, out)
    return 0


def ask(args):
    if args.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CannotDo("there is no terminal to ask at; say --yes if this is meant")
    print("Make this change? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CannotDo("nothing was changed")


@contextlib.contextmanager
def alone(machine):
    """Holds other runs off; they wait."""
    handle = os.open(machine.path("/etc/default"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def store(machine, text):
    if text is None:
        machine.remove(dom0_settings.FILE)
    else:
        machine.write(dom0_settings.FILE, text)


def apply(host, old_text, new_text):
    """Writes the settings and makes the menu; both are as before if it fails."""
    machine = host.machine
    with alone(machine):
        if machine.read(dom0_settings.FILE) != old_text:
            raise CannotDo(f"{dom0_settings.FILE} was changed meanwhile; look at it and try again")
        store(machine, new_text)
        try:
            make_menu(host)
        except BaseException:
            store(machine, old_text)
            raise


def make_menu(host):
    command = host.distribution.make_boot_menu
    try:
        done = host.machine.run(command, MENU_SECONDS)
    except Unseen as reason:
        raise CannotDo(f"{reason}; the settings are as before") from None
    if done is None:
        raise CannotDo(f"there is no {command[0]}; the settings are as before")
    if done.status != 0:
        reason = (done.errors.strip().splitlines() or [f"status {done.status}"])[-1]
        raise CannotDo(f"{command[0]} failed: {reason}; the settings are as before")
