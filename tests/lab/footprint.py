# SPDX-License-Identifier: GPL-2.0-or-later
# What an installed Xen host holds at one moment: domains, xenstore, grants, event channels, devices, processes,
# files, and what each of our daemons takes. Two of them compared tell what was left behind.
import os
import pathlib
import re
import time
from collections import Counter

from xenhost import TEST, THEIR_XL, Installed, domains, run

PLACES = ["/var/lib/xcp/hypervisor", "/var/lib/xcp/network", "/var/lib/xcp/storage", "/run/xcp", "/run/xen", "/var/lib/xen",
          "/tmp", "/var/tmp", str(TEST / "sr")]
LSEVTCHN = "/usr/lib/xen-4.17/bin/lsevtchn"


def xenstore_nodes():
    """xenstore-ls escapes what would look like a line of its own. What libxl notes of dom0's own memory, once and for
    ever, is nobody's remains."""
    found = {line.split(" = ")[0] for line in run("xenstore-ls", "-f").splitlines()}
    return {node for node in found if not node.startswith("/local/domain/0/memory")}


def grant_tables():
    """The domains whose grants Xen has: dead ones too, while somebody still maps a page of theirs."""
    run(THEIR_XL, "debug-keys", "g")
    text = run(THEIR_XL, "dmesg").rpartition("gnttab_usage_print_all [")[2]
    return set(re.findall(r"grant-table for remote (d\d+)", text))


def event_channels():
    """Of dom0, by what they are for: their numbers are given out anew."""
    kinds = Counter(re.sub(r"^\s*\d+: |Port \d+", "", line) for line in run(LSEVTCHN, "0").splitlines())
    return {f"{count} x {kind.strip()}" for kind, count in kinds.items()}


def files():
    found = set()
    for place in PLACES:
        for directory, _, names in os.walk(place):
            if "/systemd-private-" not in directory:
                found.update(f"{directory}/{name}" for name in names)
    return found


def programs():
    """Of guests, whoever started them; with what belongs to which guest, not to which process."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it ended
            continue
        if re.search(r"qemu|libxl|pygrub|hotplug|/etc/xen/", words[0] + " " + " ".join(words[1:2])):
            found.add(" ".join(words)[:160])
    return found


def of_process(pid):
    """Descriptors, threads, kibibytes resident and seconds of CPU time."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    times = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(fields["Threads"]),
            "KiB resident": int(fields["VmRSS"].split()[0]),
            "CPU seconds": (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")}


class Footprint:
    """things: sets, which are to be as they were. numbers: may grow by at most what `allowed` says."""

    def __init__(self, host):
        self.things = {
            "domains": set(domains()),
            "xenstore nodes": xenstore_nodes(),
            "grant tables": grant_tables(),
            "event channels": event_channels(),
            "loop devices": set(run("losetup", "-a").splitlines()),
            "network devices": set(os.listdir("/sys/class/net")),
            "backends in the kernel": set(os.listdir("/sys/bus/xen-backend/devices")),
            "programs": programs(),
            "files": files(),
            "data paths": {path["id"] for path in host.ask("xcp-storaged", "data_paths")},
            "ports": {port["uuid"] for port in host.ask("xcp-networkd", "ports")},
        }
        self.numbers = {"MiB of Xen's memory in use": -int(run(THEIR_XL, "info", "free_memory")),
                        "files in /var/log/xen": len(os.listdir("/var/log/xen"))}
        for daemon in Installed.UNITS:
            for name, number in of_process(host.pid(daemon)).items():
                self.numbers[f"{daemon}: {name}"] = number

    def lines(self):
        """The figures for people."""
        yield ", ".join(f"{name}: {len(found)}" for name, found in self.things.items())
        yield ", ".join(f"{name}: {abs(number):g}" for name, number in self.numbers.items() if ": " not in name)
        for daemon in Installed.UNITS:
            yield f"{daemon}: " + ", ".join(f"{name.split(': ')[1]} {number:g}" for name, number in self.numbers.items()
                                            if name.startswith(f"{daemon}: "))

    def since(self, before, allowed):
        """What is more or less than before, a sentence each."""
        found = []
        for name, now in self.things.items():
            found += [f"{name}: {thing} is left" for thing in sorted(now - before.things[name])]
            found += [f"{name}: {thing} is missing" for thing in sorted(before.things[name] - now)]
        for name, now in self.numbers.items():
            kind = name.split(": ")[-1]
            limit = allowed.get(name, allowed.get(kind, 0))
            if limit is not None and now - before.numbers[name] > limit:
                found.append(f"{name}: {abs(before.numbers[name]):g} before, {abs(now):g} now")
        return found


def settled(host, before, allowed, seconds=60):
    """The footprint once nothing is left, or that at the deadline; and what is left then. Xen and the daemons take
    their time to give things back."""
    deadline = time.monotonic() + seconds
    while True:
        now = Footprint(host)
        left = now.since(before, allowed)
        if not left or time.monotonic() > deadline:
            return now, left
        time.sleep(0.2)


def show(title, footprint):
    print(f"    {title}", flush=True)
    for line in footprint.lines():
        print(f"        {line}", flush=True)
