#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside host1 of a lab of two: Debian guests of each type, made by our xl with their disks on the export that
# both hosts have, that move to host2 and back while they run; and a receiver that is lost on the way. The guest's
# NIC is on labbr0, which joins the hosts. Arguments name types; without any, all of them.
import json
import pathlib
import re
import subprocess
import sys
import time
import unittest

from xenhost import OUR_XL, THEIR_XL, Console, run, run_tests, wait_for

IMAGES = pathlib.Path("/var/lib/xcp/images")
SHARED = pathlib.Path("/srv/shared")
GRUB = pathlib.Path("/usr/lib/grub-xen")
KINDS = {
    "pv": f'type = "pv"\nkernel = "{GRUB}/grub-x86_64-xen.bin"\n',
    "pvh": f'type = "pvh"\nkernel = "{GRUB}/grub-i386-xen_pvh.bin"\n',
    "hvm": 'type = "hvm"\nserial = "pty"\nvnc = 0\n',
}
PROMPT = "guest> "
ADDRESS = "10.78.0.100"
MIGRATION_SECONDS = 900


def there(*words, seconds=120):
    return run("ssh", "host2", *words, seconds=seconds)


def names(listing):
    return [line.split()[0] for line in listing.splitlines()[1:]]


class Two(unittest.TestCase):
    kinds = tuple(KINDS)

    def guest(self, kind):
        """Its name, when its shell answers; it holds a note in its memory."""
        name = f"mover-{kind}"
        disk = SHARED / f"{name}.qcow2"
        image = json.loads((IMAGES / "debian-12.json").read_text())
        disk.write_bytes((IMAGES / "debian-12.qcow2").read_bytes())
        self.assertEqual(image["format"], "qcow2")
        self.addCleanup(disk.unlink)
        config = SHARED / f"{name}.cfg"
        config.write_text(f'name = "{name}"\n{KINDS[kind]}memory = 384\nvcpus = 1\n'
                          f'disk = [ "format=qcow2,vdev=xvda,target={disk}" ]\nvif = [ "bridge=labbr0" ]\n')
        self.addCleanup(config.unlink)
        self.addCleanup(self.end, name)
        run(OUR_XL, "create", config)
        console = self.console(name)
        console.wait_for("debian login:")
        console.type("root")
        console.wait_for("Password:")
        console.type("kronos")
        console.wait_for(r"root@debian:~# ")
        # What is typed is shown as well, and must not be taken for the prompt.
        console.type("exec env PS1='guest''> ' bash --norc --noediting")
        console.wait_for(PROMPT)
        # Nobody but us says what its NIC is called by.
        self.shell(console, "systemctl stop systemd-networkd.socket systemd-networkd; cd /sys/class/net; for nic in e*; do "
                            f"ip link set $nic up; ip address add {ADDRESS}/24 dev $nic; done; cd; echo addre''ssed", "addressed")
        self.shell(console, "echo remembered-$((40+2)) > /dev/shm/note; cat /dev/shm/note", "remembered-42")
        self.answers()
        return name

    def end(self, name):
        for host in ((), ("ssh", "host2")):
            if name in names(run(*host, OUR_XL, "list")):
                run(*host, OUR_XL, "destroy", name)

    def console(self, name, *host):
        console = Console(name, *(("ssh", "-tt", host[0]) if host else ()), OUR_XL, "console", name)
        self.addCleanup(console.close)
        return console

    def shell(self, console, command, pattern):
        console.type(command)
        console.wait_for(pattern)

    def is_at(self, name, here):
        """On one host, of which the distribution's xl knows as well."""
        for xl in (OUR_XL, THEIR_XL):
            self.assertEqual((name in names(run(xl, "list")), name in names(there(xl, "list"))), (here, not here), xl)

    def remembers(self, name, *host):
        console = self.console(name, *host)
        console.type("")
        console.wait_for(rf"{PROMPT}$", nudge=True)
        self.shell(console, "cat /dev/shm/note", "remembered-42")
        # Its disk is read and written where it is now.
        self.shell(console, "date >> /srv/moves; sync; echo 3 > /proc/sys/vm/drop_caches; wc -l /srv/moves", r"\r\n\d+ /srv/moves")
        self.answers()

    def answers(self):
        wait_for(lambda: subprocess.run(["ping", "-c", "1", "-W", "2", ADDRESS], stdout=subprocess.DEVNULL,
                                        check=False).returncode, lambda status: status == 0, "its answer to ping", 60)

    def move(self, name, *command):
        """How long it took, and how long nobody answered at its address."""
        ping = subprocess.Popen(["ping", "-D", "-i", "0.1", "-W", "1", ADDRESS], stdout=subprocess.PIPE, text=True)
        began = time.monotonic()
        try:
            run(*command, seconds=MIGRATION_SECONDS)
            took = time.monotonic() - began
            self.answers()
        finally:
            ping.terminate()
            answers = [float(each) for each in re.findall(r"\[(\d+\.\d+)\].*time=", ping.communicate()[0])]
        silence = max((after - before for before, after in zip(answers, answers[1:])), default=None)
        told = f"{silence:.1f} s" if silence is not None else "all the time"
        print(f"    {name}: {' '.join(map(str, command[-3:]))}: {took:.1f} s, silent for {told}", flush=True)

    def there_and_back(self, kind):
        name = self.guest(kind)
        self.is_at(name, True)
        self.move(name, OUR_XL, "migrate", name, "host2")
        self.is_at(name, False)
        self.remembers(name, "host2")
        self.move(name, "ssh", "host2", OUR_XL, "migrate", name, "host1")
        self.is_at(name, True)
        self.remembers(name)

    def a_lost_receiver(self, kind):
        name = self.guest(kind)
        mover = subprocess.Popen([OUR_XL, "migrate", name, "host2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_for(lambda: names(there(THEIR_XL, "list")), lambda found: found != ["Domain-0"], "what arrives on host2", 120)
        there("systemctl", "kill", "--kill-whom=main", "-s", "KILL", "xcp-hypervisord")
        said = mover.communicate(timeout=MIGRATION_SECONDS)[0]
        self.assertNotEqual(mover.returncode, 0, said)
        wait_for(lambda: names(there(THEIR_XL, "list")), lambda found: found == ["Domain-0"], "what is left on host2", 120)
        self.is_at(name, True)
        self.remembers(name)

    def test_there_and_back(self):
        for kind in self.kinds:
            with self.subTest(kind):
                try:
                    self.there_and_back(kind)
                finally:
                    self.doCleanups()

    def test_a_lost_receiver(self):
        for kind in self.kinds:
            with self.subTest(kind):
                try:
                    self.a_lost_receiver(kind)
                finally:
                    self.doCleanups()


if __name__ == "__main__":
    Two.kinds = tuple(sys.argv[1:]) or Two.kinds
    run_tests(unittest.defaultTestLoader.loadTestsFromTestCase(Two))
