#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""xl as its users run it, against a hypervisor daemon of its own.

    live_test.py XL XCP-HYPERVISORD MODULE-DIRECTORY [sim|libvirt]

Over libvirt a domain is a machine with firmware and an empty disk, in emulation; what needs a system
in the guest is left to sim."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

XL, DAEMON, MODULES = sys.argv[1:4]
DRIVER = sys.argv[4] if len(sys.argv) > 4 else "sim"
OPTIONS = {"sim": ["--option", "time_scale=0.02"], "libvirt": ["--acceleration", "tcg"]}
BLANK_LIST = "Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
UUID = "00000000-1111-2222-3333-44444444000"

# A call of each that reaches the daemon.
XEN_ONLY = """
dmesg
debug-keys h
set-parameters x
top
getenforce
setenforce 1
loadpolicy /dev/null
sharing
claims
rename one two
vcpu-pin one all all
sysrq one h
dump-core one /dev/null
suspend one
resume one
qemu-monitor-command one info
mem-max one 1g
sched-credit
sched-credit2 -d one
sched-rtds -d one
cpupool-list
cpupool-create name='x'
cpupool-destroy x
cpupool-rename x y
cpupool-cpu-add x 0
cpupool-cpu-remove x 0
cpupool-migrate one x
cpupool-numa-split
pci-list one
pci-attach one 00:01.0
pci-detach one 00:01.0
pci-assignable-list
pci-assignable-add 00:01.0
pci-assignable-remove 00:01.0
channel-list one
vtpm-list one
vtpm-attach one backend=x
vtpm-detach one 0
vkb-list one
vkb-attach one backend-type=linux
vkb-detach one 0
vsnd-list one
vsnd-attach one card
vsnd-detach one 0
vdispl-list one
vdispl-attach one connectors=a:1x1
vdispl-detach one 0
usb-list one
usbctrl-attach one
usbctrl-detach one 0
usbdev-attach one hostbus=1 hostaddr=1
usbdev-detach one 0 1
psr-hwinfo
psr-cmt-attach one
psr-cmt-detach one
psr-cmt-show cache-occupancy
psr-cat-set one 1
psr-cat-show
psr-mba-set one 1
psr-mba-show
"""


needs_guest = unittest.skipIf(DRIVER != "sim", "there is no system in the guest")


class Xl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="xl-live-", dir="/tmp"))
        cls.directory.chmod(0o755)  # QEMU may have a user of its own
        cls.socket = cls.directory / "h.sock"
        cls.log = open(cls.directory / "log", "wb")
        cls.daemon = cls.start_daemon(cls.socket, cls.directory)
        for name in ("a.img", "b.img", "cd.iso"):
            (cls.directory / name).write_bytes(b"\0" * 1024 * 1024)

    @classmethod
    def start_daemon(cls, path, directory):
        daemon = subprocess.Popen(
            [DAEMON, "--socket", path, "--state-dir", directory / "state", "--module-dir",
             MODULES, "--group", "root", "--driver", DRIVER, *OPTIONS[DRIVER],
             *(["--uri", f"qemu:///embed?root={directory}/libvirt"] if DRIVER == "libvirt" else [])],
            stderr=cls.log)
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(path))
                return daemon
            except OSError:
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    @contextlib.contextmanager
    def another_daemon(self, directory):
        directory.mkdir()
        daemon = self.start_daemon(directory / "h.sock", directory)
        try:
            yield directory / "h.sock"
        finally:
            daemon.terminate()
            daemon.wait()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.terminate()
        cls.daemon.wait()
        cls.log.close()
        shutil.rmtree(cls.directory)

    def tearDown(self):
        for state in json.loads(self.xl("list", "-l").stdout):
            self.xl("-f", "destroy", str(state["domid"]))

    def xl(self, *words, status=0, **more):
        environment = dict(os.environ, XL_SOCKET=str(self.socket), XL_CONF="/nonexistent",
                           XL_STATE_DIR=str(self.directory / "xl"))
        environment.update(more.pop("env", {}))
        done = subprocess.run([XL, *map(str, words)], capture_output=True, text=True, timeout=60,
                              env=environment, **more)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def config(self, name, more="", number=1):
        path = self.directory / f"{name}.cfg"
        path.write_text(f'name = "{name}"\nuuid = "{UUID}{number}"\ntype = "hvm"\nmemory = 256\n'
                        f"vcpus = 1\nmaxvcpus = 4\n"
                        f"disk = ['{self.directory}/a.img,raw,xvda,rw', ',,hdc,cdrom']\n"
                        # Without a system in the guest nothing gives memory back.
                        + ("maxmem = 512\nvif = ['bridge=br0,mac=00:16:3e:01:02:03']\n"
                           if DRIVER == "sim" else "")
                        + f"{more}\n")
        return path

    def create(self, name="one", more="", number=1, options=()):
        return self.xl("create", *options, self.config(name, more, number))

    def row(self, name):
        line = self.xl("list", name).stdout.splitlines()[1]
        return line.split()

    def call_daemon(self, method, *params):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.socket))
            link.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                     "params": params}).encode() + b"\n")
            return json.loads(link.makefile().readline())

    def test_create_list_destroy(self):
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)
        made = self.create(more="hap = 1\npea = 1\ncpus = '0'\ncpus_soft = '0'")
        self.assertIn("Parsing config from", made.stderr)
        self.assertIn("there is no setting `pea' (`pae'?)", made.stderr)
        self.assertIn("does not run Xen, where alone these settings mean something: hap", made.stderr)
        self.assertIn("not carried to the guest yet: cpus_soft", made.stderr)
        lines = self.xl("list").stdout.splitlines(keepends=True)
        self.assertEqual(lines[0], BLANK_LIST)
        self.assertRegex(lines[1], r"^one {37} {1,5}\d+   256     1     r-----  [ \d]{6}\.\d\n$")
        domid = self.xl("domid", "one").stdout.strip()
        self.assertEqual(self.xl("domname", domid).stdout, "one\n")
        self.assertIn(f"{UUID}1  {domid:<4} one", self.xl("vm-list").stdout)
        self.assertIn(UUID, self.xl("list", "-v").stdout)
        self.xl("destroy", "one")
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)
        self.assertEqual(list((self.directory / "xl").glob("*.cfg")), [])

    def test_create_twice_is_refused(self):
        self.create()
        again = self.xl("create", self.config("one"), status=1)
        self.assertIn("runs already", again.stderr)
        other = self.xl("create", self.config("one", number=2), status=1)
        self.assertIn("a domain one runs already", other.stderr)
        self.assertEqual(len(self.xl("list").stdout.splitlines()), 2)

    def test_overrides_and_long_list(self):
        self.xl("create", "-q", self.config("one"), "memory=300", 'on_crash="preserve"')
        listed = json.loads(self.xl("list", "-l", "one").stdout)
        self.assertEqual(len(listed), 1)
        self.assertEqual(listed[0]["config"]["b_info"]["target_memkb"], 300 * 1024)
        self.assertEqual(listed[0]["config"]["on_crash"], "preserve")
        self.assertEqual(self.row("one")[2], "300")

    def test_dry_run_needs_no_daemon(self):
        nowhere = {"XL_SOCKET": "/nonexistent"}
        done = self.xl("-N", "create", self.config("one"), env=nowhere)
        self.assertEqual(json.loads(done.stdout)["c_info"]["name"], "one")
        self.assertEqual(done.stdout, self.xl("create", "-n", self.config("one"), env=nowhere).stdout)
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)

    def test_syntax_errors(self):
        path = self.directory / "broken.cfg"
        path.write_text('name = "x"\nmemory = [\n 1 2 ]\n')
        done = self.xl("create", path, status=1)
        self.assertIn("broken.cfg:3:4: expected `,' or `]', found `2'", done.stderr)
        self.xl("create", self.directory / "nosuch.cfg", status=3)
        self.xl("create", status=6)

    def test_pause_and_unpause(self):
        self.create(options=["-p"])
        self.assertEqual(self.row("one")[4], "--p---")
        self.xl("unpause", "one")
        self.assertEqual(self.row("one")[4], "r-----")
        self.xl("pause", "one")
        self.assertEqual(self.row("one")[4], "--p---")

    @needs_guest
    def test_disks(self):
        self.create()
        self.xl("block-attach", "one", f"{self.directory}/b.img,raw,xvdd,w")
        lines = self.xl("block-list", "one").stdout.splitlines()
        self.assertEqual(lines[0].split(), "Vdev BE handle state evt-ch ring-ref BE-path".split())
        self.assertEqual([line.split()[0] for line in lines[1:]], ["51712", "51744", "51760"])
        self.assertEqual(lines[3].split()[-1], f"{self.directory}/b.img")
        again = self.xl("block-attach", "one", f"{self.directory}/b.img,raw,xvdd,w", status=1)
        self.assertIn("such a device already", again.stderr)
        self.xl("block-detach", "one", "51760")
        self.assertEqual(len(self.xl("block-list", "one").stdout.splitlines()), 3)
        gone = self.xl("block-detach", "one", "xvdd", status=1)
        self.assertEqual(gone.stderr, "Error: Device xvdd not connected.\n")

    def test_disk_specifications(self):
        self.create()
        self.xl("block-attach", "one", "/a,foo,xvde", status=1)
        dry = self.xl("-N", "block-attach", "one", "/a,,hda", "cdrom")
        self.assertTrue(dry.stdout.startswith("disk: {\n"))
        self.assertIn("BE-path", self.xl("block-list", "nosuch").stdout)

    def test_cd(self):
        self.create()
        self.xl("cd-insert", "one", "hdc", self.directory / "cd.iso")
        self.assertIn("cd.iso", self.xl("block-list", "one").stdout)
        self.xl("cd-eject", "one", "hdc")
        self.assertNotIn("cd.iso", self.xl("block-list", "one").stdout)
        self.assertIn("Cannot stat file", self.xl("cd-insert", "one", "hdc", "/nosuch", status=1).stderr)
        self.assertIn("not a CD drive", self.xl("cd-eject", "one", "xvda", status=1).stderr)

    @needs_guest
    def test_networks(self):
        self.create()
        self.xl("network-attach", "one", "bridge=br1", "mac=00:16:3e:00:00:09")
        rows = [line.split() for line in self.xl("network-list", "one").stdout.splitlines()[1:]]
        self.assertEqual([row[:3] for row in rows],
                         [["0", "0", "00:16:3e:01:02:03"], ["1", "0", "00:16:3e:00:00:09"]])
        self.xl("network-detach", "one", "00:16:3E:00:00:09")
        self.assertEqual(len(self.xl("network-list", "one").stdout.splitlines()), 2)
        self.assertEqual(self.xl("network-detach", "one", "9", status=1).stderr, "Unknown device 9.\n")
        wrong = self.xl("network-attach", "one", "foo=1", status=1)
        self.assertEqual(wrong.stderr, "unrecognized argument `foo=1'\n")
        dry = self.xl("-N", "network-attach", "one", "bridge=br1", "model=e1000")
        self.assertEqual(dry.stdout, 'vif: {\n    "model": "e1000",\n    "bridge": "br1"\n}\n\n')

    @needs_guest
    def test_sizes(self):
        self.create()
        self.xl("vcpu-set", "one", "3")
        self.assertEqual(self.row("one")[3], "3")
        self.assertEqual(len(self.xl("vcpu-list", "one").stdout.splitlines()), 4)
        self.xl("mem-set", "one", "300m")
        self.assertEqual(self.xl("mem-set", "one", "x", status=1).stderr, "invalid memory size: x\n")
        self.assertEqual(self.xl("vcpu-set", "one", "x", status=1).stderr, "Error: Invalid argument.\n")
        self.assertIn("--ignore-host", self.xl("vcpu-set", "one", "100", status=1).stderr)

    @needs_guest
    def test_shutdown_and_reboot(self):
        self.create()
        self.create("two", number=2)
        first = self.xl("domid", "one").stdout.strip()
        self.assertIn(f"Shutting down domain {first}\n", self.xl("shutdown", "-w", "one").stdout)
        self.assertEqual(self.xl("list", "one", status=1).stderr,
                         "one is an invalid domain identifier (rc=-6)\n")
        self.assertIn("reason reboot", self.xl("reboot", "-w", "two").stdout)
        self.assertEqual(self.row("two")[0], "two")
        self.xl("shutdown", "-a", "-w")
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)
        self.assertIn("You must specify", self.xl("shutdown", status=1).stderr)

    def test_save_and_restore(self):
        self.create()
        self.xl("block-attach", "one", f"{self.directory}/b.img,raw,xvdd,w")
        before = self.xl("block-list", "one").stdout
        self.xl("save", "one", self.directory / "saved")
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)
        self.xl("restore", "-p", self.directory / "saved")
        self.assertEqual(self.row("one")[4], "--p---")
        self.assertEqual(self.xl("block-list", "one").stdout, before)
        self.assertIn("runs already", self.xl("restore", self.directory / "saved", status=1).stderr)
        self.xl("save", "-c", "one", self.directory / "copy")
        self.assertEqual(self.row("one")[0], "one")
        self.assertIn("is missing", self.xl("restore", self.directory / "nosuch", status=1).stderr)

    @needs_guest
    def test_migrate(self):
        self.create()
        before = self.row("one")
        here = f"env XL_SOCKET={self.socket} XL_STATE_DIR={self.directory}/xl {XL} migrate-receive"
        done = self.xl("migrate", "-s", "", "one", here)
        self.assertIn("Migration successful.", done.stderr)
        after = self.row("one")
        self.assertNotEqual(after[1], before[1])
        self.assertEqual(after[:1] + after[2:4], before[:1] + before[2:4])
        # A host that is not there, and one that cannot take it.
        done = self.xl("migrate", "-s", "false", "one", "nowhere", status=1)
        self.assertIn("Migration failed.", done.stderr)
        nobody = f"env XL_SOCKET={self.directory}/nobody {XL} migrate-receive"
        self.xl("migrate", "-s", "", "one", nobody, status=1)
        self.assertEqual(self.row("one")[1], after[1])
        self.assertIn("not available", self.xl("migrate", "-D", "one", "x", status=1).stderr)
        # xl still knows what it was made from, and another host does.
        there = self.directory / "there"
        with self.another_daemon(there) as socket_there:
            self.xl("migrate", "-s", "", "one", f"env XL_SOCKET={socket_there} XL_STATE_DIR={there}/xl "
                                                f"{XL} migrate-receive")
            self.assertEqual(self.xl("list").stdout, BLANK_LIST)
            other = {"XL_SOCKET": str(socket_there), "XL_STATE_DIR": str(there / "xl")}
            self.assertIn("\none ", self.xl("list", env=other).stdout)
            back = f"env XL_SOCKET={self.socket} XL_STATE_DIR={self.directory}/xl {XL} migrate-receive -p"
            self.xl("migrate", "-s", "", "one", back, env=other)
            self.assertEqual(self.xl("list", env=other).stdout, BLANK_LIST)
        self.assertEqual(self.row("one")[4], "--p---")
        self.xl("destroy", "one")

    @needs_guest
    def test_console(self):
        self.create()
        done = self.xl("console", "one", status=0, input="\x1d")
        self.assertIsInstance(done.stdout, str)
        program = subprocess.Popen([XL, "console", "one"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=dict(os.environ, XL_SOCKET=str(self.socket)))
        os.write(program.stdin.fileno(), b"\n")
        seen = b""
        while b"login:" not in seen:
            part = os.read(program.stdout.fileno(), 4096)
            self.assertNotEqual(part, b"", seen)
            seen += part
        os.write(program.stdin.fileno(), b"\x1d")
        self.assertEqual(program.wait(timeout=20), 0)
        program.stdin.close()
        program.stdout.close()

    @needs_guest
    def test_domains_of_others_ask_for_force(self):
        spec = {"uuid": UUID + "7", "name": "xapis", "firmware": "bios", "nvram_path": "",
                "boot_order": "cd", "vcpus_max": 1, "vcpus": 1, "memory_static_max_bytes": 1 << 28,
                "memory_target_bytes": 1 << 28, "disks": [], "nics": [], "vnc": True,
                "rtc_localtime": False, "platform": {}, "on_reboot": "restart",
                "on_crash": "destroy", "direct_kernel": None}
        self.assertIn("result", self.call_daemon("build", spec))
        self.assertEqual(self.row("xapis")[0], "xapis")
        refused = self.xl("destroy", "xapis", status=1)
        self.assertIn("not made by xl but by xapi", refused.stderr)
        self.assertIn("use -f", self.xl("save", "xapis", self.directory / "no", status=1).stderr)
        self.assertIn("use -f", self.xl("migrate", "xapis", "nowhere", status=1).stderr)
        self.assertEqual(self.row("xapis")[0], "xapis")
        self.assertEqual(json.loads(self.xl("list", "-l", "xapis").stdout)[0]["config"]["c_info"]["uuid"],
                         UUID + "7")
        self.xl("destroy", "-f", "xapis")
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)

    @needs_guest
    def test_failed_build_leaves_nothing(self):
        self.call_daemon("control", "fault", {"method": "build", "kind": "fail", "code": "SR_FULL",
                                              "params": '["1"]', "nth": "1"})
        self.xl("create", self.config("one"), status=1)
        self.assertEqual(self.xl("list").stdout, BLANK_LIST)
        self.assertEqual(list((self.directory / "xl").glob("*.cfg")), [])

    def test_info_and_uptime(self):
        self.create()
        info = dict(re.findall(r"^(\S+) *: (.*)$", self.xl("info").stdout, re.M))
        self.assertEqual(info["driver"], DRIVER)
        self.assertEqual(info["host"], os.uname().nodename)
        self.assertGreater(int(info["total_memory"]), int(info["free_memory"]))
        lines = self.xl("uptime").stdout.splitlines()
        self.assertEqual(lines[0], "Name                                ID Uptime")
        self.assertRegex(lines[-1], r"^one {29} {1,5}\d+  0:00:\d\d$")
        self.assertRegex(self.xl("uptime", "-s", "one").stdout, r" up  0:00, one \(\d+\)\n")

    def test_what_is_not_available_says_so(self):
        for words in (("remus", "a", "b"), ("devd",)):
            done = self.xl(*words, status=1)
            self.assertIn(f"xl {words[0]}: not available: ", done.stderr)

    def test_what_only_xen_has_says_so(self):
        self.create()
        listed = {line.split()[0] for line in self.xl("help").stdout.splitlines() if line.startswith(" ")}
        for line in XEN_ONLY.strip().splitlines():
            words = line.split()
            self.assertIn(words[0], listed)
            done = self.xl(*words, status=1)
            self.assertEqual(done.stderr, f"xl {words[0]}: not available: this host does not run Xen.\n")
        self.assertEqual(self.row("one")[0], "one")

    def test_xen_controls_are_refused_by_the_daemon(self):
        for method, *params in (("xen.domains",), ("xen.messages", True), ("xen.rename", 1, "x"),
                                ("xen.cpu_pools",), ("xen.pci_devices", 0), ("xen.psr_monitoring",)):
            error = self.call_daemon(method, *params)["error"]
            self.assertIn("NOT_IMPLEMENTED", json.dumps(error))
            self.assertIn(method, json.dumps(error))

    def test_command_line(self):
        self.assertTrue(self.xl("help").stdout.startswith("Usage xl [-vfNtT] <subcommand> [args]\n"))
        self.assertEqual(self.xl("help").stdout, self.xl(status=1).stdout)
        self.assertEqual(self.xl("--help").stdout, self.xl("help").stdout)
        self.assertIn("Usage: xl [-vtT] list [options]", self.xl("help", "list").stdout)
        self.assertEqual(self.xl("cre", "-h").stdout, self.xl("help", "create").stdout)
        self.assertEqual(self.xl("help", "nosuch").stdout, 'command "nosuch" not implemented\n')
        self.assertEqual(self.xl("nosuch", status=1).stderr, "command not implemented\n")
        self.assertEqual(self.xl("c", status=1).stderr, "command not implemented\n")
        self.assertEqual(self.xl("-X", "list", status=1).stderr, "unknown global option\n")
        self.assertEqual(self.xl("-N", "list", status=1).stderr,
                         "command does not implement -N (dryrun) option\n")
        self.xl("list", "-Q", status=2)
        self.xl("domid", status=2)
        self.xl("domid", "nosuch", status=1)
        self.xl("domname", "x", status=1)
        self.xl("list", "a", "b", status=1)

    def test_daemon_away(self):
        done = self.xl("list", status=1, env={"XL_SOCKET": str(self.directory / "nobody")})
        self.assertIn("nobody", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
