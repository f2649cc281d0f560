#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host: Debian guests of each type Xen has, made from the template by the installed
# host's own xe, on a local SR and a bridge of their own. Arguments name types; without any, all of them.
# The template's image lies in /var/lib/xcp/images.
import pathlib
import re
import subprocess
import sys
import time
import unittest

from xenhost import Console, default_sr, first, run_tests, wait_for, xe

DHCP = pathlib.Path("/srv/test/guests.conf")

PROMPT = "guest> "


class Guest:
    def __init__(self, kind):
        self.kind = kind
        self.vm = xe("vm-install", "template=debian-12", f"new-name-label=debian {kind}")
        xe("vm-param-set", f"uuid={self.vm}", f"domain-type={kind}")
        xe("vm-memory-limits-set", f"uuid={self.vm}", "static-min=256MiB", "dynamic-min=320MiB",
           "dynamic-max=384MiB", "static-max=384MiB")
        if kind == "hvm":  # its virtual CPUs can only be added
            xe("vm-param-set", f"uuid={self.vm}", "VCPUs-at-startup=1")
        network = first("network-list", "name-label=guests") or xe("network-create", "name-label=guests")
        self.network = network
        self.vif = xe("vif-create", f"vm-uuid={self.vm}", f"network-uuid={network}", "device=0")

    def get(self, name):
        return xe("vm-param-get", f"uuid={self.vm}", f"param-name={name}")

    def start(self):
        xe("vm-start", f"uuid={self.vm}")
        self.serve_addresses()

    def serve_addresses(self):
        bridge = xe("network-param-get", f"uuid={self.network}", "param-name=bridge")
        known = subprocess.run(["ip", "-o", "address", "show", "dev", bridge], capture_output=True, text=True,
                               check=True).stdout
        if "10.99.0.1/" not in known:
            subprocess.run(["ip", "address", "add", "10.99.0.1/24", "dev", bridge], check=True)
        subprocess.run(["pkill", "-f", str(DHCP)], check=False)
        DHCP.write_text(f"start 10.99.0.10\nend 10.99.0.250\ninterface {bridge}\noption subnet 255.255.255.0\n"
                        "lease_file /srv/test/guests.leases\nnotify_file /bin/true\n")
        pathlib.Path("/srv/test/guests.leases").touch()
        subprocess.run(["busybox", "udhcpd", str(DHCP)], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def address(self):
        return wait_for(lambda: self.get("networks"), lambda text: "0/ip: 10.99.0." in text, "its address")

    def remove(self):
        if self.get("power-state") != "halted":
            xe("vm-shutdown", f"uuid={self.vm}", "force=true")
        xe("vm-uninstall", f"uuid={self.vm}", "force=true")


class Life:
    """One guest through its life; a later test needs the earlier ones, so it is one."""

    kind = None

    def test_life(self):
        guest = Guest(self.kind)
        self.addCleanup(guest.remove)
        began = time.monotonic()

        def note(what):
            print(f"    {time.monotonic() - began:6.1f} s  {self.kind}: {what}", flush=True)
        guest.start()
        note("started")
        self.assertEqual(guest.get("current-domain-type"), self.kind)
        console = Console(guest.vm)
        self.addCleanup(console.close)
        console.wait_for("debian login:")
        note("login prompt")
        address = re.search(r"10\.99\.0\.\d+", guest.address())[0]
        note(f"address {address}")
        subprocess.run(["ping", "-c", "1", "-W", "20", address], check=True, stdout=subprocess.DEVNULL)
        self.assertIn("Debian GNU/Linux 12", guest.get("os-version"))
        console.type("root")
        console.wait_for("Password:")
        console.type("kronos")
        console.wait_for(r"root@debian:~# ")
        # A shell that adds nothing to what it is told.
        # What is typed is shown as well, and must not be taken for the prompt.
        console.type("exec env PS1='guest''> ' bash --norc --noediting")
        console.wait_for(PROMPT)

        def shell(command, pattern):
            console.type(command)
            console.wait_for(pattern)

        def awake():
            console.type("")
            console.wait_for(rf"{PROMPT}$", nudge=True)

        def wake():
            """A new console of a guest whose domain is another; its shell stands where it stood."""
            nonlocal console
            console = Console(guest.vm)
            self.addCleanup(console.close)
            awake()
        shell("echo remembered-$((40+2)) > /dev/shm/note", PROMPT)
        note("logged in")

        wanted = 2 if self.kind == "hvm" else 1
        xe("vm-vcpu-hotplug", f"uuid={guest.vm}", f"new-vcpus={wanted}")
        shell(f"until test $(nproc) = {wanted}; do sleep 1; done; echo cpus-$(nproc)", f"cpus-{wanted}")
        note("a virtual CPU plugged" if self.kind == "hvm" else "a virtual CPU unplugged")
        xe("vm-memory-target-set", f"uuid={guest.vm}", "target=352MiB")
        wait_for(lambda: int(guest.get("memory-actual")), lambda size: size <= 356 << 20, "its memory")
        note("memory follows its target")
        vif = xe("vif-create", f"vm-uuid={guest.vm}", f"network-uuid={guest.network}", "device=1")
        xe("vif-plug", f"uuid={vif}")
        wait_for(lambda: guest.get("networks"), lambda text: "1/ip: 10.99.0." in text, "the second address")
        xe("vif-unplug", f"uuid={vif}")
        note("a NIC plugged and unplugged")
        disk = xe("vdi-create", f"sr-uuid={first('sr-list', 'name-label=guests')}", "name-label=hot", "virtual-size=64MiB")
        vbd = xe("vbd-create", f"vm-uuid={guest.vm}", f"vdi-uuid={disk}", "device=5")
        xe("vbd-plug", f"uuid={vbd}")
        shell("until test -b /dev/xvdf; do sleep 1; done; echo hot > /dev/xvdf; sync; head -c 3 /dev/xvdf",
              r"\r\nhot")
        xe("vbd-unplug", f"uuid={vbd}")
        note("a disk plugged, written, unplugged")

        snapshot = xe("vm-snapshot", f"uuid={guest.vm}", "new-name-label=live")
        shell("echo after > /srv/after; sync; cat /srv/after", r"\r\nafter")
        xe("snapshot-uninstall", f"snapshot-uuid={snapshot}", "force=true")
        note("snapshot of the running guest")
        xe("vm-suspend", f"uuid={guest.vm}")
        self.assertEqual(guest.get("power-state"), "suspended")
        note("suspended")
        xe("vm-resume", f"uuid={guest.vm}")
        guest.serve_addresses()
        wake()
        shell("cat /dev/shm/note", "remembered-42")
        note("resumed, and remembers")
        xe("vm-migrate", f"uuid={guest.vm}", f"host-uuid={first('host-list')}", "live=true")
        guest.serve_addresses()
        wake()
        shell("cat /dev/shm/note", "remembered-42")
        note("migrated to its own host, and remembers")
        checkpoint = xe("vm-checkpoint", f"uuid={guest.vm}", "new-name-label=kept")
        awake()
        shell("rm /dev/shm/note /srv/after; sync; ls /dev/shm/note /srv/after", "cannot access")
        note("checkpoint")
        xe("snapshot-revert", f"snapshot-uuid={checkpoint}")
        self.assertEqual(guest.get("power-state"), "suspended")
        xe("vm-resume", f"uuid={guest.vm}")
        guest.serve_addresses()
        wake()
        shell("cat /dev/shm/note /srv/after", "remembered-42\r\nafter")
        xe("snapshot-uninstall", f"snapshot-uuid={checkpoint}", "force=true")
        note("reverted, and remembers")

        xe("vm-reboot", f"uuid={guest.vm}")
        guest.serve_addresses()
        guest.address()
        note("rebooted")
        xe("vm-shutdown", f"uuid={guest.vm}")
        self.assertEqual(guest.get("power-state"), "halted")
        note("shut down")


def case(name):
    return type(name, (Life, unittest.TestCase), {"kind": name})


if __name__ == "__main__":
    names = sys.argv[1:] or ["pv", "pvh", "hvm"]
    default_sr()
    run_tests(unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case(name)) for name in names))
