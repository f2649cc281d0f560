#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab host: Debian guests of each type Xen has, made from the template by the installed
# host's own xe, on a local SR and a bridge of their own. Arguments name types; without any, all of them.
# The template's image lies in /var/lib/xcp/images.
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import time
import unittest

BOOT_SECONDS = 600  # Xen and its guests are emulated
DHCP = pathlib.Path("/srv/test/guests.conf")


def xe(command, *words):
    done = subprocess.run(["xe", command, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"xe {command} {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def first(command, *words):
    return xe(command, *words, "--minimal").split(",")[0]


def wait_for(read, wanted, what, seconds=BOOT_SECONDS):
    deadline = time.monotonic() + seconds
    while not wanted(value := read()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} is still {value!r} after {seconds} s")
        time.sleep(0.1)
    return value


class Console:
    """`xe console` on a terminal of its own."""

    def __init__(self, vm):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp("xe", ["xe", "console", f"uuid={vm}"])
        self.text = ""

    def wait_for(self, pattern, seconds=BOOT_SECONDS):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > deadline:
                raise AssertionError(f"the console does not show {pattern!r}:\n{self.text[-2000:]}")
            if select.select([self.terminal], [], [], 1)[0]:
                try:
                    self.text += os.read(self.terminal, 65536).decode(errors="replace")
                except OSError as error:  # the console ended
                    raise AssertionError(f"the console ended:\n{self.text[-2000:]}") from error

    def type(self, line):
        self.text = ""
        os.write(self.terminal, line.encode() + b"\r")

    def close(self):
        os.write(self.terminal, b"\x1d")
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


class Guest:
    def __init__(self, kind):
        self.kind = kind
        self.vm = xe("vm-install", "template=debian-12", f"new-name-label=debian {kind}")
        xe("vm-param-set", f"uuid={self.vm}", f"domain-type={kind}")
        xe("vm-memory-limits-set", f"uuid={self.vm}", "static-min=256MiB", "dynamic-min=320MiB",
           "dynamic-max=384MiB", "static-max=384MiB")
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


def setUpModule():
    host = first("host-list")
    sr = first("sr-list", "name-label=guests")
    if not sr:
        sr = xe("sr-create", f"host-uuid={host}", "name-label=guests", "type=file", "content-type=user",
                "device-config:location=/srv/test/sr")
    pool = first("pool-list")
    xe("pool-param-set", f"uuid={pool}", f"default-SR={sr}", f"suspend-image-SR={sr}")


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

        def shell(command, pattern):
            console.type(command)
            console.wait_for(pattern)
        shell("echo remembered-$((40+2)) > /dev/shm/note", r"root@debian:~# ")
        note("logged in")

        xe("vm-vcpu-hotplug", f"uuid={guest.vm}", "new-vcpus=1")
        shell("grep -c ^processor /proc/cpuinfo", r"\r\n1\r\n")
        note("a virtual CPU unplugged")
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
        console = Console(guest.vm)
        self.addCleanup(console.close)
        shell("cat /dev/shm/note", "remembered-42")
        note("resumed, and remembers")
        checkpoint = xe("vm-checkpoint", f"uuid={guest.vm}", "new-name-label=kept")
        shell("rm /dev/shm/note /srv/after; sync; ls /dev/shm/note /srv/after", "cannot access")
        note("checkpoint")
        xe("snapshot-revert", f"snapshot-uuid={checkpoint}")
        self.assertEqual(guest.get("power-state"), "suspended")
        xe("vm-resume", f"uuid={guest.vm}")
        guest.serve_addresses()
        console = Console(guest.vm)
        self.addCleanup(console.close)
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
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case(name)) for name in names)
    setUpModule()
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(bad != 0)
