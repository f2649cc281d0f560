#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of all guests when the host goes down, against a hypervisor daemon with the sim driver.

    end_guests_test.py XCP-HYPERVISORD MODULE-DIRECTORY"""
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import loading

DAEMON, MODULES = sys.argv[1:3]
PROGRAM = loading.BOOT / "end-guests"
end_guests = loading.program(PROGRAM)


def uuid(number):
    return f"00000000-1111-2222-3333-{number:012}"


class EndGuests(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="end-guests.", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.socket = self.directory / "h.sock"
        self.start()
        self.hypervisor = end_guests.Hypervisor(str(self.socket))
        self.addCleanup(self.hypervisor.close)

    def start(self):
        log = open(self.directory / "log", "ab")
        self.addCleanup(log.close)
        daemon = subprocess.Popen(
            [DAEMON, "--socket", self.socket, "--state-dir", self.directory / "state", "--module-dir", MODULES,
             "--group", "root", "--driver", "sim", "--option", "time_scale=0.02"], stderr=log)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.socket))
                return
            except OSError:
                self.assertIsNone(daemon.poll(), (self.directory / "log").read_text())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)

    def guest(self, number, running=True, **platform):
        self.hypervisor.call("build", {
            "uuid": uuid(number), "name": f"guest{number}", "memory_static_max_bytes": 1 << 28,
            "memory_target_bytes": 1 << 28, "platform": platform})
        if running:
            self.hypervisor.call("unpause", uuid(number))

    def names(self):
        return sorted(domain["name"] for domain in self.hypervisor.call("domains"))

    def run_it(self, *arguments, state="stopping"):
        """With a systemctl that says how the system is."""
        tools = self.directory / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "systemctl").write_text(f'#!/bin/sh\ntest "$1" = is-system-running && echo {state}\nexit 1\n')
        (tools / "systemctl").chmod(0o755)
        return subprocess.run([sys.executable, PROGRAM, "--socket", self.socket, *arguments], text=True,
                              capture_output=True, timeout=60, check=False,
                              env={"PATH": f"{tools}:/usr/bin:/bin"})

    def test_all_guests_of_ours_end(self):
        for number in range(20):
            self.guest(number)
        self.hypervisor.call("control", "foreign", {"action": "add", "name": "theirs"})
        done = self.run_it()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.names(), ["theirs"])
        for number in range(20):
            self.assertIn(f"asking guest{number} to shut down\n", done.stdout)
            self.assertIn(f"guest{number} has shut down\n", done.stdout)

    def test_they_are_asked_and_not_destroyed(self):
        batch = self.hypervisor.call("events", "", 0, 0)
        self.guest(1)
        self.assertEqual(self.run_it().returncode, 0)
        events = self.hypervisor.call("events", batch["epoch"], batch["last"], 0)["events"]
        self.assertIn("ended_shutdown", [event["kind"] for event in events])

    def test_they_run_on_while_the_host_does(self):
        self.guest(1)
        for state in ("running", "degraded", "starting", "maintenance", "unknown", ""):
            done = self.run_it(state=state)
            self.assertEqual(done.returncode, 0)
            self.assertIn("guests run on", done.stdout)
        self.assertEqual(self.names(), ["guest1"])
        self.assertEqual(self.run_it("--now", state="running").returncode, 0)
        self.assertEqual(self.names(), [])

    def test_a_guest_that_does_not_listen_is_not_waited_for_without_end(self):
        self.guest(1)
        self.guest(2, sim_ignore_shutdown="true")
        done = self.run_it("--seconds", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("guest2 has not shut down within 2 s", done.stderr)
        self.assertEqual(self.names(), ["guest2"])

    def test_a_paused_guest_is_not_waited_for(self):
        self.guest(1, running=False)
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual(self.names(), ["guest1"])

    def test_a_call_that_hangs_holds_up_no_other_guest(self):
        self.guest(1)
        self.guest(2)
        self.hypervisor.call("control", "fault", {"method": "shutdown", "kind": "hang", "uuid": uuid(1)})
        done = self.run_it("--seconds", "2")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.names(), ["guest1"])
        self.hypervisor.call("control", "clear_fault", {})

    def test_a_request_that_fails_is_told(self):
        self.guest(1)
        self.hypervisor.call("control", "fault", {"method": "shutdown", "kind": "fail", "code": "VM_MISSING_PV_DRIVERS"})
        done = self.run_it("--seconds", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("guest1: VM_MISSING_PV_DRIVERS", done.stderr)

    def test_nothing_to_end(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_no_daemon(self):
        done = self.run_it("--socket", self.directory / "none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody answers", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
