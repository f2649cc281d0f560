# SPDX-License-Identifier: GPL-2.0-or-later
# The file system of xapi's state directory is full: writes are refused with a clear error and leave
# nothing behind, reads go on, a kill in the middle of it loses nothing, and when there is room again
# everything works without a restart. Needs root; the file system is mounted where this process
# and its children alone see it.
import contextlib
import ctypes
import os
import sqlite3
import subprocess
import threading
import unittest

from host import ApiError, Host, World, await_value
from reality import problems

CLONE_NEWNS = 0x00020000
SIZE = 24 << 20


def mount_alone():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: this test needs root")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class DiskFull(unittest.TestCase):
    def setUp(self):
        mount_alone()
        self.host = Host(sim_options=["time_scale=0"])
        self.addCleanup(self.host.close)
        self.directory = self.host.state / "xapi"
        self.mount()
        self.host.start()
        self.world = World(self.host)
        self.call = self.world.client.call
        self.vm = self.world.guest("full")
        self.other = self.world.guest("untouched")
        self.call("VM.start", self.other, False, False)
        self.written = 0

    def mount(self):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "xcp-disk-full", self.directory],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.directory], check=True)

    def fill(self):
        """Not one block is left."""
        with open(self.directory / "ballast", "ab", buffering=0) as ballast:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        ballast.write(b"b" * size)
                except OSError:
                    pass
        self.assertEqual(os.statvfs(self.directory).f_bavail, 0)

    def make_room(self):
        (self.directory / "ballast").unlink()

    def write(self):
        """An acknowledged write that takes room; False when it is refused."""
        try:
            self.call("VM.add_to_other_config", self.vm, f"n{self.written}", "x" * 4000)
        except ApiError as error:
            self.refusals.append(error)
            return False
        self.written += 1
        return True

    def write_until_refused(self):
        self.refusals = []
        for _ in range(5000):
            if not self.write():
                return self.refusals[0]
        raise AssertionError("a full disk takes everything")

    def everything(self, call=None):
        records = {name: (call or self.call)(f"{name}.get_all_records")
                   for name in ("VM", "VDI", "VBD", "VIF", "SR", "network", "pool", "subject")}
        for record in records["SR"].values():
            record.pop("physical_utilisation")
        return records

    def check_notes(self):
        config = self.call("VM.get_other_config", self.vm)
        self.assertEqual([n for n in range(self.written) if f"n{n}" not in config], [])
        self.assertNotIn(f"n{self.written}", config)

    def check_clear(self, error):
        self.assertEqual(error.code, "OUT_OF_SPACE")
        self.assertIn(str(self.directory), error.params[0])

    def check_database(self):
        for path in self.directory.glob("*.db"):
            with contextlib.closing(sqlite3.connect(path)) as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])

    def domain(self):
        state = self.host.ask("xcp-hypervisord", "domain", self.call("VM.get_uuid", self.other))
        return state["domid"], state["start_time"], state["power"]

    def test_writes_are_refused_and_reads_go_on(self):
        life = self.domain()
        self.fill()
        self.check_clear(self.write_until_refused())
        before = self.everything()
        for method, *params in (("VM.set_name_label", self.vm, "spoiled" * 2000),
                                ("VM.clone", self.vm, "spoiled"), ("VM.snapshot", self.vm, "spoiled", []),
                                ("network.create", {"name_label": "spoiled" * 2000, "name_description": "",
                                                    "MTU": 1500, "other_config": {}, "bridge": "",
                                                    "managed": True, "tags": []})):
            with self.subTest(method=method):
                with self.assertRaises(ApiError) as caught:
                    self.call(method, *params)
                self.check_clear(caught.exception)
        self.assertEqual(self.everything(), before)
        self.check_notes()
        # Reads, log-ins and events do not need the disk.
        reader = self.host.client(tls=True)
        self.assertEqual(self.everything(reader.call), before)
        token = reader.call("event.from", ["VM"], "", 0.0)["token"]
        self.assertEqual(reader.call("event.from", ["VM"], token, 0.1)["events"], [])
        reader.close()
        self.assertEqual(self.domain(), life)
        # The room comes back: no restart is needed.
        self.make_room()
        self.assertTrue(self.write())
        self.call("VM.start", self.vm, False, False)
        self.call("VM.hard_shutdown", self.vm)
        self.check_notes()
        self.assertEqual(self.domain(), life)
        await_value(lambda: problems(self.host, self.world.client), lambda found: not found, 15, "left over")

    def test_kill_while_full(self):
        life = self.domain()
        self.fill()
        self.write_until_refused()
        self.host.kill("xapi")
        self.world.client.close()
        # It serves what it has, or says why it cannot.
        try:
            self.host.start("xapi")
        except RuntimeError as error:
            self.assertIn("OUT_OF_SPACE", str(error))
        else:
            self.world.client.login()
            self.check_notes()
            self.check_clear(self.write_until_refused())
        self.host.kill("xapi")
        self.make_room()
        self.check_database()
        self.world.client.close()
        self.host.start("xapi")
        self.world.client.login()
        self.check_notes()
        self.assertTrue(self.write())
        self.check_notes()
        self.assertEqual(self.domain(), life)

    def test_the_disk_fills_under_load(self):
        """Several writers at once, none of whom may be told a success that is none."""
        acknowledged, refused, lock = [], [], threading.Lock()

        def work(number):
            client = self.host.client()
            vm = self.call_of[number]
            for n in range(4000):
                key = f"w{number}-{n}"
                try:
                    client.call("VM.add_to_other_config", vm, key, "x" * 2000)
                    with lock:
                        acknowledged.append((vm, key))
                except ApiError as error:
                    with lock:
                        refused.append((vm, key, error))
                    break
            client.close()

        self.call_of = [self.call("VM.clone", self.world.template(), f"w{n}") for n in range(4)]
        with open(self.directory / "ballast", "wb") as ballast:
            free = os.statvfs(self.directory)
            ballast.write(b"b" * max(0, free.f_bavail * free.f_bsize - (6 << 20)))
        threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            self.assertFalse(thread.is_alive())
        self.assertEqual(len(refused), 4)
        for _, _, error in refused:
            self.check_clear(error)
        self.host.kill("xapi")
        self.world.client.close()
        self.host.start("xapi")
        self.world.client.login()
        configs = {vm: self.call("VM.get_other_config", vm) for vm in self.call_of}
        self.assertEqual([key for vm, key in acknowledged if key not in configs[vm]], [])
        self.assertEqual([key for vm, key, _ in refused if key in configs[vm]], [])


if __name__ == "__main__":
    unittest.main()
